"""The catalog says what belongs to whom, the store what is there: bring the first in line with the second."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from worker.engine.disk import disk_errors
from worker.engine.store import Store
from worker.models.image import Image, ImageLayer
from worker.models.layer import Blob, Layer
from worker.models.recording import LACKING, mark_extracted, take_turn

_BATCH = 500


def reconcile(store: Store) -> frozenset[int]:
    """Write into the catalog what stands in the store, and drop what belongs to no image. Safe to repeat.

    Returns:
        The ids of the projects of which an image is now extracted, or is no longer.

    Raises:
        StoreError: the disk refuses.
    """
    with transaction.atomic():
        # A pull commits to the store first and to the catalog after it, in its turn: so what a listing lacks
        # that is made now, a pull under way writes into the catalog after this.
        take_turn()
        _drop_unused()
        _reconcile_trees(_names(store.root / "layers" / "sha256"))
        _reconcile_blobs(_sizes(store.root / "blobs" / "sha256"))
        return _reconcile_images()


def _drop_unused() -> None:
    Blob.objects.filter(~Exists(ImageLayer.objects.filter(blob=OuterRef("pk")))).delete()
    Layer.objects.filter(~Exists(ImageLayer.objects.filter(layer=OuterRef("pk")))).delete()


def _reconcile_trees(there: frozenset[str]) -> None:
    said = Layer.objects.values_list("pk", "diff_id", "tree_present")
    wrong = {pk: not present for pk, diff_id, present in said if present != (_hex(diff_id) in there)}
    for present, batch in _by_value(wrong):
        Layer.objects.filter(pk__in=batch).update(tree_present=present, tree_bytes=None)


def _reconcile_blobs(there: dict[str, int]) -> None:
    said = Blob.objects.values_list("pk", "digest", "size", "present")
    wrong = {
        pk: not present for pk, digest, size, present in said if present != (there.get(_hex(digest)) == size)
    }
    for present, batch in _by_value(wrong):
        Blob.objects.filter(pk__in=batch).update(present=present)


def _reconcile_images() -> frozenset[int]:
    gone = Image.objects.filter(LACKING, extracted=True)
    back = Image.objects.filter(~LACKING, extracted=False)
    projects = _projects(gone) | _projects(back)
    if projects:
        mark_extracted(back)
        gone.update(extracted=False)
    return projects


def _projects(images: QuerySet[Image]) -> frozenset[int]:
    return frozenset(images.order_by().values_list("project_id", flat=True).distinct())


def _names(directory: Path) -> frozenset[str]:
    with disk_errors("list the store"):
        try:
            return frozenset(path.name for path in directory.iterdir())
        except FileNotFoundError:
            return frozenset()


def _sizes(directory: Path) -> dict[str, int]:
    with disk_errors("list the store"):
        try:
            with os.scandir(directory) as entries:
                return {entry.name: entry.stat(follow_symlinks=False).st_size for entry in entries}
        except FileNotFoundError:
            return {}


def _hex(digest: str) -> str:
    return digest.partition(":")[2]


def _by_value(rows: dict[int, bool]) -> Iterator[tuple[bool, list[int]]]:
    """Yield primary keys by the value that they are to have, no more at once than a statement takes."""
    for value in (True, False):
        keys = [pk for pk, wanted in rows.items() if wanted is value]
        for start in range(0, len(keys), _BATCH):
            yield value, keys[start : start + _BATCH]

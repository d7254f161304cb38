"""An index enters the catalog with the images that it led to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from worker.engine.pull import PulledImage
from worker.models.image import Image
from worker.models.index import ImageIndex
from worker.models.project import Project


def record_index(
    project: Project, pulled: Sequence[PulledImage], images: Sequence[Image], moment: datetime
) -> None:
    """Write the index that led to ``images``, if one did, and that they belong to it from now on.

    An image that several indexes have belongs to the one by which it was pulled last.
    """
    first = pulled[0]
    if first.index is None:
        return
    index, created = ImageIndex.objects.get_or_create(
        project=project,
        digest=str(first.index),
        defaults={
            "media_type": first.index_media_type[:255],
            "offered": _offered(pulled),
            "pulled_at": moment,
        },
    )
    if not created:
        _update(index, pulled, moment)
    strangers = [image for image in images if image.index_id != index.pk]
    left = {image.index_id for image in strangers if image.index_id is not None}
    Image.objects.filter(pk__in=[image.pk for image in strangers]).update(index=index)
    for image in strangers:
        image.index = index
    drop_empty(left)


def drop_empty(ids: Iterable[int]) -> None:
    """Forget those of these indexes that have no image any more."""
    ImageIndex.objects.filter(pk__in=list(ids), images__isnull=True).delete()


def _update(index: ImageIndex, pulled: Sequence[PulledImage], moment: datetime) -> None:
    """An index never changes; but one that holds others was perhaps not read to its end before."""
    known = {(one["digest"], one["platform"]) for one in index.offered}
    more = [one for one in _offered(pulled) if (one["digest"], one["platform"]) not in known]
    changed = ["offered"] if more else []
    index.offered = [*index.offered, *more]
    if not all(image.unchanged for image in pulled):
        index.pulled_at = moment
        changed.append("pulled_at")
    if changed:
        index.save(update_fields=changed)


def _offered(pulled: Sequence[PulledImage]) -> list[dict[str, str | int]]:
    found: dict[tuple[str, str], dict[str, str | int]] = {}
    for image in pulled:
        for entry in image.offered:
            key = str(entry.digest), str(entry.platform)
            found.setdefault(key, {"digest": key[0], "platform": key[1], "size": entry.size})
    return list(found.values())

"""The files of images, as pages and the API need them: from one cache of this process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from django.conf import settings
from django.contrib.auth.models import User

from worker import services
from worker.engine.errors import BeingMended, LayerMissing, StoreDamaged, StoreError, TooManyFiles
from worker.engine.files import ROW_BYTES, FilesCache, ImageFiles, Node
from worker.engine.oci import Digest
from worker.engine.store import LayerStore, Store
from worker.models import Image, ImageLayer

_LEAST = 64 << 20  # bytes that the lists of an image's files may take, however small the cache is


@dataclass(frozen=True, slots=True)
class FilesNotHere:
    """Why nothing can be said of an image's files now.

    Attributes:
        extracted: Whether the layers are extracted, as far as the catalog knows; else that is what to do.
        mending: A file index was missing or damaged and is being made anew: look again in a moment (topic
            ``images`` of the project tells when).
        message, hint: What is wrong, and what to do.
    """

    extracted: bool
    mending: bool
    message: str
    hint: str

    @classmethod
    def of(cls, error: StoreError) -> FilesNotHere:
        """Say it of what :func:`files_of`, or looking at what it returned, raised."""
        if isinstance(error, LayerMissing):
            return cls(False, False, error.message, error.hint)
        if isinstance(error, BeingMended):
            return cls(True, True, error.message, "This page comes back by itself.")
        return cls(True, False, error.message, error.hint)


def files_of(image: Image, by: User | None = None) -> ImageFiles:
    """Return the files of ``image``, which the caller may see.

    Args:
        by: who looks, a member of the image's project.

    Raises:
        LayerMissing: a layer is not extracted, or not any more. The error's ``diff_id`` names it.
        BeingMended: a layer's file index was missing or damaged, and is being made anew. Likewise.
        StoreDamaged: it is, and cannot be made anew. Likewise.
        TooManyFiles: they take more memory than one image's may.
    """
    rows = ImageLayer.objects.filter(image=image).order_by("position")
    layers = list(rows.values_list("layer__diff_id", "layer__entries"))
    entries = sum(count or 0 for count in dict(layers).values())
    if entries * ROW_BYTES > _largest():
        raise TooManyFiles(f"This image has {entries:,} files: more than there is memory for on pages.")
    diff_ids = [Digest.parse(diff_id) for diff_id, _ in layers]
    try:
        return files_cache().image(store_layers(), diff_ids)
    except StoreDamaged as error:
        raise _mending(error.diff_id, by) from error


def files_or_why_not(image: Image, by: User | None = None) -> ImageFiles | FilesNotHere:
    """Return the files of ``image``, or what to say instead; what is damaged is being mended then.

    Args:
        by: who looks, a member of the image's project.
    """
    try:
        return files_of(image, by)
    except (LayerMissing, StoreDamaged, TooManyFiles) as error:
        return FilesNotHere.of(error)


def _mending(diff_id: str, by: User | None) -> StoreDamaged:
    """Have a layer's file index made anew; return what to say meanwhile."""
    mending = services.mend_index(diff_id, by=by)
    if mending.under_way:
        error: StoreDamaged = BeingMended("The list of a layer's files was damaged; it is being made anew.")
    else:
        error = StoreDamaged(mending.message, hint=mending.hint)
    error.diff_id = diff_id
    return error


def store_layers() -> LayerStore:
    """Return the extracted layers, to read their files."""
    return Store(settings.STORE_DIR).layers


def diff_id_of(stack: Sequence[ImageLayer], node: Node) -> Digest:
    """Return which layer of ``stack`` holds ``node``."""
    return Digest.parse(stack[node.layer].layer.diff_id)


@cache
def files_cache() -> FilesCache:
    """Return this process's cache."""
    return FilesCache(settings.FILES_CACHE, _largest())


def _largest() -> int:
    return max(settings.FILES_CACHE // 2, _LEAST)

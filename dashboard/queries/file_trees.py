"""The files of images, as pages and the API need them: from one cache of this process."""

from __future__ import annotations

from functools import cache

from django.conf import settings

from worker.engine.files import FilesCache, ImageFiles
from worker.engine.oci import Digest
from worker.engine.store import Store
from worker.models import Image, ImageLayer


def files_of(image: Image) -> ImageFiles:
    """Return the files of ``image``, which the caller may see.

    Raises:
        LayerMissing: a layer is not extracted, or not any more. The error's ``diff_id`` names it.
        StoreDamaged: a layer's file index is damaged. Likewise.
    """
    diff_ids = (
        ImageLayer.objects.filter(image=image).order_by("position").values_list("layer__diff_id", flat=True)
    )
    return files_cache().image(Store(settings.STORE_DIR).layers, [Digest.parse(text) for text in diff_ids])


@cache
def files_cache() -> FilesCache:
    """Return this process's cache."""
    return FilesCache(settings.FILES_CACHE)

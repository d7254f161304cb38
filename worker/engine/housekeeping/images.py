"""Reading the listed images back from the store alone, for a catalog that is to be built anew."""

from __future__ import annotations

from collections.abc import Iterator

from worker.engine.errors import ContentError, StoreDamaged, StrataError
from worker.engine.housekeeping.values import StoredPull
from worker.engine.oci import Digest, Index, Manifest, Reference
from worker.engine.pipeline.documents import (
    NESTING_MAX,
    Selected,
    StoredDocuments,
    read_manifest,
    with_config,
)
from worker.engine.pipeline.outcome import describe
from worker.engine.store import Store, StoredImage


def stored_images(store: Store) -> Iterator[StoredPull]:
    """Yield every listed image, the one pulled last first; a damaged one with the error.

    An image with several names comes once for each.

    Raises:
        StoreDamaged: a list of images cannot be read.
        StoreError: this process may not look into the store.
    """
    for image in (*store.images.all(), *store.shallow_images.all()):
        try:
            reference = Reference.parse(image.name) if image.name else None
            pulled = describe(store, reference, read_image(store, image), ())
        except StrataError as error:
            yield StoredPull(image.name, image.digest, None, error, image.origin)
        else:
            yield StoredPull(image.name, image.digest, pulled, None, image.origin)


def read_image(store: Store, image: StoredImage) -> Selected:
    """Read a listed image's documents, with the indexes that led to it as far as they are still here.

    Raises:
        StoreDamaged: manifest or config cannot be read.
        ContentError: they are no image.
    """
    documents = StoredDocuments(store)
    manifest = read_manifest(documents, image.digest)
    if not isinstance(manifest, Manifest):
        raise StoreDamaged(f"The image {image.digest} is listed, but is an index.")
    way = None if image.index is None else _way(documents, image.index, image.digest, NESTING_MAX - 1)
    return with_config(documents, manifest, way or ())


def _way(documents: StoredDocuments, start: Digest, end: Digest, steps: int) -> tuple[Index, ...] | None:
    """The indexes from ``start`` to the manifest ``end``; None if what is here does not lead there."""
    try:
        index = read_manifest(documents, start)
    except (StoreDamaged, ContentError):
        return None
    if not isinstance(index, Index) or not steps:
        return None
    for entry in index.images:
        if entry.digest == end:
            return (index,)
    for entry in index.images:
        below = _way(documents, entry.digest, end, steps - 1)
        if below is not None:
            return (index, *below)
    return None

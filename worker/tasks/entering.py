"""A pulled image stays on the store's lists, also if it was removed from the catalog while it was pulled."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from worker.engine.errors import Conflict
from worker.engine.oci import Reference
from worker.engine.pipeline.documents import StoredDocuments, select
from worker.engine.pipeline.listing import list_image
from worker.engine.pipeline.needed import made_of
from worker.engine.pull import PulledImage
from worker.engine.store import Store
from worker.models import Image


def keep_listed(
    store: Store,
    reference: Reference,
    pulled: Sequence[PulledImage],
    images: Sequence[Image],
    begun: datetime,
) -> None:
    """List those images again that a removal took off the lists between a pull and its record.

    That can only be images of which the catalog knew nothing just then. For others this costs nothing.

    Args:
        images: As they were recorded.
        begun: When recording them began.

    Raises:
        Conflict: parts of one have been collected already.
        StoreError: the disk is full or refuses.
    """
    fresh = {image.digest for image in images if image.pulled_at >= begun}
    if not fresh:
        return
    listed = {str(one.digest) for one in (*store.images.all(), *store.shallow_images.all())}
    lost = [image for image in pulled if str(image.digest) in fresh - listed]
    for image in lost:
        with store.pin() as pin:
            found = select(StoredDocuments(store), image.digest, None)
            pin.add(made_of([found]))
            _require_whole(store, image)
            list_image(store, reference, found)


def _require_whole(store: Store, image: PulledImage) -> None:
    for layer in image.layers:
        if (layer.extracted and not store.layers.has(layer.diff_id)) or (
            layer.blob_present and not store.blobs.has(layer.digest)
        ):
            raise Conflict("The image was removed while it was pulled.", hint="Pull it again.")

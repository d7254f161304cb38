"""Reading the packages of images, once for each chain ID. Called for what is new, and for what is missing.

It happens beside pulls, never in them. What is interrupted is taken up where it ended: a chain ID that is
written down is complete.
"""

from __future__ import annotations

import logging

from django.db import IntegrityError
from django.db.models import Exists, OuterRef, QuerySet

from worker.engine.cancel import CancelToken
from worker.engine.files import ImageFiles
from worker.engine.oci import Digest
from worker.engine.packages import READER, read_stack
from worker.engine.store import LayerStore
from worker.models import Image, ImageLayer, PackageReading
from worker.models.package_recording import record_packages
from worker.models.packages import contents_below

logger = logging.getLogger(__name__)


def images_to_read() -> QuerySet[Image]:
    """Return the extracted images with packages that are not read yet, those with the fewest layers first.

    So a base comes before what stands on it; of twins, whichever is read first is read for all of them.
    """
    known = PackageReading.objects.filter(chain_id=OuterRef("chain_id"), reader=READER)
    unread = ImageLayer.objects.filter(image=OuterRef("pk")).exclude(Exists(known))
    return Image.objects.filter(Exists(unread), extracted=True).order_by("layer_count", "pk").defer("config")


def read_packages(
    image: Image, layers: LayerStore, files: ImageFiles | None = None, cancel: CancelToken | None = None
) -> int:
    """Read the packages as of each layer of ``image`` that is not known yet; return of how many layers.

    Args:
        files: The image's files, if they are loaded already.

    Raises:
        LayerMissing, StoreDamaged: as the index or the tree of a layer is.
        StoreError: the disk refuses.
        Cancelled: ``cancel`` was; what was written down by then stays.
    """
    rows = list(
        ImageLayer.objects.filter(image=image)
        .order_by("position")
        .values_list("position", "chain_id", "layer__diff_id")
    )
    known = set(
        PackageReading.objects.filter(
            chain_id__in=[chain for _, chain, _ in rows], reader=READER
        ).values_list("chain_id", flat=True)
    )
    start = next((position for position, chain, _ in rows if chain not in known), None)
    if start is None:
        return 0
    diff_ids = [Digest.parse(diff_id) for _, _, diff_id in rows]
    files = files or ImageFiles.of(layers, diff_ids)
    # From the first that is missing up, all of them: each is written down as a change to the one below.
    below = contents_below(image, start)
    for (_, chain, _), contents in zip(
        rows[start:], read_stack(layers, files, diff_ids, start, below, cancel), strict=True
    ):
        try:
            record_packages(chain, contents, below)
        except IntegrityError:
            logger.info("the packages of %s are being read by somebody else, too", chain)
        below = contents
    return len(rows) - start

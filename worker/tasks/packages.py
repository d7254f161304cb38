"""Reading the packages of images, once for each chain ID. Called for what is new, and for what is missing.

It happens beside pulls, never in them. What is interrupted is taken up where it ended: a chain ID that is
written down is complete.
"""

from __future__ import annotations

import logging

from django.db import IntegrityError
from django.db.models import Exists, OuterRef, QuerySet

from worker.engine.cancel import CancelToken
from worker.engine.errors import Cancelled, StrataError
from worker.engine.files import FilesCache
from worker.engine.oci import Digest
from worker.engine.packages import READER, read_stack
from worker.engine.store import LayerStore
from worker.models import Image, ImageLayer, PackageReading
from worker.models.package_recording import forget_packages, record_packages
from worker.models.packages import contents_below

_CACHE_BYTES = 64 << 20  # while packages are read; twenty layers of 33,000 files

logger = logging.getLogger(__name__)


def images_to_read() -> QuerySet[Image]:
    """Return the extracted images with packages that are not read yet, those with the fewest layers first.

    So a base comes before what stands on it; of twins, whichever is read first is read for all of them.
    """
    known = PackageReading.objects.filter(chain_id=OuterRef("chain_id"), reader=READER)
    unread = ImageLayer.objects.filter(image=OuterRef("pk")).exclude(Exists(known))
    return Image.objects.filter(Exists(unread), extracted=True).order_by("layer_count", "pk").defer("config")


def read_all_packages(layers: LayerStore, cancel: CancelToken | None = None) -> set[int]:
    """Read the packages of all images where they are missing, and forget what no image needs any more.

    An image that cannot be read is passed over, and tried again the next time.

    Returns:
        The projects in which something is known now that was not.

    Raises:
        Cancelled: ``cancel`` was; what was written down by then stays.
    """
    changed = set()
    files = FilesCache(_CACHE_BYTES)
    for pk in list(images_to_read().values_list("pk", flat=True)):
        image = Image.objects.defer("config").filter(pk=pk).first()
        if image is None:
            continue
        try:
            read_packages(image, layers, files, cancel)
        except Cancelled:
            raise
        except StrataError as error:
            logger.warning("the packages of image %s are not read: %s", pk, error.message)
        else:
            # Also if a twin in another project was read just now.
            changed.add(image.project_id)
    forget_packages()
    return changed


def read_packages(
    image: Image, layers: LayerStore, files: FilesCache | None = None, cancel: CancelToken | None = None
) -> int:
    """Read the packages as of each layer of ``image`` that is not known yet; return of how many layers.

    Args:
        files: Keeps what is read of layers, for the next image.

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
    image_files = (files or FilesCache(_CACHE_BYTES)).image(layers, diff_ids)
    # From the first that is missing up, all of them: each is written down as a change to the one below.
    below = contents_below(image, start)
    for (_, chain, _), contents in zip(
        rows[start:], read_stack(layers, image_files, diff_ids, start, below, cancel), strict=True
    ):
        try:
            record_packages(chain, contents, below)
        except IntegrityError:
            logger.info("the packages of %s are being read by somebody else, too", chain)
        below = contents
    return len(rows) - start

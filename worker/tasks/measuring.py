"""Measuring the store: bytes on disk by walking over it, and what sharing saves by the catalog."""

from __future__ import annotations

import threading

from django.db.models import Max, Min, Q, Sum
from django.utils.timezone import now

from worker.engine.cancel import CancelToken
from worker.engine.errors import Cancelled
from worker.engine.housekeeping import survey
from worker.engine.space import disk_space
from worker.engine.store import Store
from worker.models import Blob, Image, ImageLayer, Layer, Project, StoreSurvey
from worker.progress import announce
from worker.tasks.stopping import stopping
from worker.tasks.weighing import write_weights

_LOOK_SECONDS = 0.2


def measure(store: Store) -> None:
    """Measure the store into the one row of StoreSurvey; not if this worker is being ended meanwhile.

    Raises:
        StoreError: the disk refuses, or this process may not look into the store.
    """
    begun = now()
    token, over = CancelToken(), threading.Event()
    watch = threading.Thread(target=_watch, args=(token, over), name="watch of a measurement", daemon=True)
    watch.start()
    try:
        found = survey(store, cancel=token)
    except Cancelled:
        return
    finally:
        over.set()
        watch.join()
    write_weights(found.layers)
    disk = disk_space(store.root)
    apart, shared = _apart_and_shared()
    StoreSurvey.objects.update_or_create(
        pk=1,
        defaults={
            "kinds": {
                kind: {"count": usage.count, "bytes": usage.bytes} for kind, usage in found.kinds.items()
            },
            "apart": apart,
            "shared": shared,
            "disk_total": disk.total,
            "disk_free": disk.free,
            "asked_at": begun,
            "measured_at": now(),
        },
    )
    for project_id in Project.objects.values_list("pk", flat=True):
        announce(project_id, "storage")


def _watch(token: CancelToken, over: threading.Event) -> None:
    while not over.wait(_LOOK_SECONDS):
        if stopping():
            token.cancel()
            return


def _apart_and_shared() -> tuple[int, int]:
    """Return what the images would take if none shared anything, and what they take as they are.

    Both by the sizes of layers and blobs in the catalog, of what stands in the store. An image that several
    projects have counts once: it is sharing between images that saves, not between owners.
    """
    once = Image.objects.order_by().values("digest").annotate(first=Min("pk")).values("first")
    stacks = (
        ImageLayer.objects.filter(image__in=once)
        .order_by()
        # A layer that an image has twice would still be there once for it.
        .values("image", "layer")
        .annotate(
            tree=Max("layer__unpacked_size", filter=Q(layer__tree_present=True)),
            blob=Max("blob__size", filter=Q(blob__present=True)),
        )
        .aggregate(trees=Sum("tree"), blobs=Sum("blob"))
    )
    used = ImageLayer.objects.order_by().values("layer")
    trees = Layer.objects.filter(tree_present=True, pk__in=used).aggregate(sum=Sum("unpacked_size"))["sum"]
    present = Blob.objects.filter(present=True, pk__in=ImageLayer.objects.order_by().values("blob"))
    blobs = present.order_by().values("digest").annotate(size=Max("size")).aggregate(sum=Sum("size"))["sum"]
    return (stacks["trees"] or 0) + (stacks["blobs"] or 0), (trees or 0) + (blobs or 0)

"""Checking everything that the store holds against what it should be; and mending it, if asked to.

Lists, then the listed images' documents, then all blobs, then all layers: what comes later is mended with the
help of what came before. Pulls may run beside it; what vanishes or changes meanwhile is theirs.
"""

from __future__ import annotations

import contextlib

from worker.engine.cancel import CancelToken
from worker.engine.disk import disk_errors
from worker.engine.events import Listener, ignore
from worker.engine.housekeeping.blob_check import check_blobs
from worker.engine.housekeeping.image_check import check_images
from worker.engine.housekeeping.layer_check import check_layers
from worker.engine.housekeeping.repair import EndpointOf, Repair
from worker.engine.housekeeping.report import Report
from worker.engine.housekeeping.values import Scrubbed
from worker.engine.layers import Limits
from worker.engine.store import Store


def scrub(
    store: Store,
    *,
    repair: bool = False,
    endpoint_of: EndpointOf | None = None,
    listener: Listener = ignore,
    cancel: CancelToken | None = None,
    limits: Limits | None = None,
) -> Scrubbed:
    """Hash every blob, read every listed image's documents, compare every layer with its file index.

    Without ``repair`` nothing is changed, and the store may be read-only. If it is not, attributes that
    differ are tried out on a file in ``ingest/``, because not every file system keeps them all. A damaged
    tree that a running container stands on is left as it is, and the finding says so.

    Args:
        repair: Fetch damaged and missing blobs, by digest from where an image with them was pulled; extract
            damaged layers anew, and put each in the place of the old one at once; clear away what is damaged
            and not needed.
        endpoint_of: How to talk to the registry with this host; without it nothing is fetched.
        limits: What a layer that is extracted anew may be; None for the usual.

    Raises:
        DiskFull, StoreNotWritable: in a repair; what was mended by then stays mended.
        StoreError: the disk fails, or this process may not look.
        Cancelled
    """
    with contextlib.ExitStack() as stack, disk_errors("check the store"):
        mender = None
        if repair:
            store.prepare()
            mender = Repair(store, stack.enter_context(store.pin(cancel)), endpoint_of, cancel, limits)
        report = Report(store, mender, listener, cancel)
        check_images(report)
        blobs = check_blobs(report)
        layers = check_layers(report)
        return Scrubbed(blobs, layers, report.bytes_read, tuple(report.findings))

"""Extracting an image that was only fetched, or whose trees were dropped to save disk."""

from __future__ import annotations

from worker.engine.cancel import CancelToken
from worker.engine.events import Listener, Resolved, ignore
from worker.engine.layers import Limits
from worker.engine.oci import Digest
from worker.engine.pipeline.additions import Additions
from worker.engine.pipeline.documents import StoredDocuments, select
from worker.engine.pipeline.listing import name_of
from worker.engine.pipeline.needed import made_of
from worker.engine.pipeline.outcome import describe
from worker.engine.pipeline.parallel import scope
from worker.engine.pipeline.plan import announce, make_plan
from worker.engine.pipeline.progress import Announcer
from worker.engine.pipeline.values import PulledImage
from worker.engine.pipeline.work import bring_layers
from worker.engine.store import Store

__all__ = ["extract"]


def extract(
    store: Store,
    manifest_digest: Digest,
    listener: Listener = ignore,
    cancel: CancelToken | None = None,
    *,
    limits: Limits | None = None,
) -> PulledImage:
    """Unpack the layers of an image that have no tree, from the blobs in the store.

    Tells the same events as a pull. ``limits`` say what each layer may be; None for the usual.

    Raises:
        StoreDamaged: a blob that is needed is not here, or damaged.
        ContentError: a layer cannot be unpacked.
        StoreError: the disk is full or refuses.
        SandboxError: layers cannot be extracted on this machine.
        Cancelled
    """
    store.prepare()
    announcer = Announcer(listener)
    with scope(cancel) as token, store.pin(token) as pin:
        reference = name_of(store, manifest_digest)
        image = select(StoredDocuments(store), manifest_digest, None)
        pin.add(made_of([image]))
        named = str(reference or manifest_digest)
        announcer.tell(Resolved(named, str(manifest_digest), str(image.config.platform)))
        tasks = make_plan(store, image)
        announcer.tell(announce(image, tasks))
        brought = bring_layers(store, tasks, None, announcer, token, Additions(store), limits=limits)
        return describe(store, reference, image, brought)

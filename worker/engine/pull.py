"""A pull: from a reference to an image in the store (docs/architecture.md)."""

from __future__ import annotations

import contextlib

from worker.engine.cancel import CancelToken
from worker.engine.errors import ContentError, StrataError
from worker.engine.events import Listener, Resolved, ignore
from worker.engine.pipeline.additions import Additions
from worker.engine.pipeline.documents import FetchedDocuments, select
from worker.engine.pipeline.layer import Source
from worker.engine.pipeline.listing import list_image
from worker.engine.pipeline.outcome import describe
from worker.engine.pipeline.parallel import scope
from worker.engine.pipeline.plan import announce, make_plan
from worker.engine.pipeline.progress import Announcer
from worker.engine.pipeline.values import PulledImage, PulledLayer, PullRequest
from worker.engine.pipeline.work import bring_layers
from worker.engine.registry import RegistryClient
from worker.engine.store import Store

__all__ = ["PullRequest", "PulledImage", "PulledLayer", "pull"]


def pull(
    store: Store, request: PullRequest, listener: Listener = ignore, cancel: CancelToken | None = None
) -> PulledImage:
    """Pull an image; what is here already is neither fetched nor extracted again.

    Pulls of any images may run at the same time, in any number of processes: they share the work. One that
    is killed leaves nothing half-made, and the next goes on from the bytes that are on disk; so does one that
    the network failed. Of an image that turns out to be bad nothing stays.

    Args:
        listener: Is told the progress, from several threads, one event at a time.
        cancel: Ends it within a second.

    Raises:
        RegistryError: the registry cannot be reached, or does not have it.
        ContentError: what the registry sent is not what it promised, or no image for this platform.
        StoreError: this machine's disk is full or refuses.
        SandboxError: layers cannot be extracted on this machine.
        Cancelled
    """
    store.prepare()
    announcer = Announcer(listener)
    additions = Additions(store)
    reference = request.reference
    try:
        with (
            scope(cancel) as token,
            store.using(token),
            RegistryClient(request.endpoint, cancel=token, on_retry=announcer.retrying) as client,
        ):
            found = client.resolve(reference)
            documents = FetchedDocuments(store, client, reference.repository)
            image = select(documents, found.digest, request.platform)
            announcer.tell(Resolved(str(reference), str(image.manifest.digest), str(image.config.platform)))
            tasks = make_plan(store, image, request.fetch_only)
            announcer.tell(announce(image, tasks))
            source = Source(client, reference.repository)
            at_once = request.layers_at_once
            brought = bring_layers(store, tasks, source, announcer, token, additions, at_once=at_once)
            list_image(store, reference, image)
            return describe(store, reference, image, brought, documents.fetched)
    except ContentError:
        with contextlib.suppress(StrataError):  # why the pull failed is what matters
            additions.take_back()
        raise

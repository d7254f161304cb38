"""A pull: from a reference to an image in the store (docs/architecture.md)."""

from __future__ import annotations

import contextlib
from dataclasses import replace

from worker.engine.cancel import CancelToken
from worker.engine.errors import ContentError, DigestMismatch, NotInRegistry, StrataError
from worker.engine.events import Listener, Resolved, ignore
from worker.engine.oci import Reference
from worker.engine.pipeline.additions import Additions
from worker.engine.pipeline.choice import select_platforms
from worker.engine.pipeline.documents import FetchedDocuments, Selected
from worker.engine.pipeline.layer import Source
from worker.engine.pipeline.listing import list_image
from worker.engine.pipeline.needed import made_of
from worker.engine.pipeline.outcome import describe_all
from worker.engine.pipeline.parallel import scope
from worker.engine.pipeline.plan import announce_all, make_plan_of_all
from worker.engine.pipeline.progress import Announcer
from worker.engine.pipeline.values import ALL, PulledImage, PulledLayer, PullRequest
from worker.engine.pipeline.work import bring_layers
from worker.engine.registry import RegistryClient
from worker.engine.store import Store

__all__ = ["ALL", "PullRequest", "PulledImage", "PulledLayer", "pull", "pull_platforms"]


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
    (image,) = pull_platforms(store, replace(request, platforms=()), listener, cancel)
    return image


def pull_platforms(
    store: Store, request: PullRequest, listener: Listener = ignore, cancel: CancelToken | None = None
) -> tuple[PulledImage, ...]:
    """Pull the images of one index for several platforms, as one: resolved once, shared layers brought once.

    Without ``request.platforms`` it is the one that ``request.platform`` says. Of the images that come back
    the one for this machine is the first, if it is among them; the others follow as asked for, or as the
    index has them. Either all are pulled or it fails.

    Raises:
        PlatformNotFound: one of the platforms does not exist; nothing has been fetched then.
        StrataError: as :func:`pull`.
    """
    store.prepare()
    announcer = Announcer(listener)
    additions = Additions(store)
    reference = request.reference
    try:
        with (
            scope(cancel) as token,
            store.pin(token) as pin,
            RegistryClient(
                request.endpoint,
                cancel=token,
                on_retry=announcer.retrying,
                on_rate_limit=announcer.rate_limit,
            ) as client,
        ):
            documents = FetchedDocuments(store, client, reference.repository)
            images = _find(client, documents, request)
            pin.add(made_of(images))
            for image in images:
                announcer.tell(_resolved(reference, image))
            tasks = make_plan_of_all(store, images, request.fetch_only)
            announcer.tell(announce_all(images, tasks))
            source = Source(client, reference.repository)
            at_once, limits = request.layers_at_once, request.limits
            brought = bring_layers(
                store, tasks, source, announcer, token, additions, at_once=at_once, limits=limits
            )
            # The first one last: tools that know no platforms take what a name came to mean last.
            for image in reversed(images):
                list_image(store, reference, image)
            return describe_all(store, reference, images, tasks, brought, documents.fetched)
    except ContentError:
        with contextlib.suppress(StrataError):  # why the pull failed is what matters
            additions.take_back(cancel)
        raise


def _find(client: RegistryClient, documents: FetchedDocuments, request: PullRequest) -> tuple[Selected, ...]:
    """Resolve the reference, and select of what it points to."""
    wanted = request.platforms or (request.platform,)
    found = client.resolve(request.reference)
    try:
        return select_platforms(documents, found.digest, wanted)
    except (NotInRegistry, DigestMismatch):
        if request.reference.digest is not None or not request.endpoint.mirrors:
            raise
        # Perhaps a mirror is so outdated that what it says is nowhere any more: the registry must know.
        current = client.resolve(request.reference, mirrors=False)
        if current.digest == found.digest:
            raise
        return select_platforms(documents, current.digest, wanted)


def _resolved(reference: Reference, image: Selected) -> Resolved:
    index = str(image.indexes[0].digest) if image.indexes else ""
    return Resolved(str(reference), str(image.manifest.digest), str(image.platform), index)

"""The work of a pull, and of an extraction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings

from worker.engine import pull as engine
from worker.engine.errors import NotFound
from worker.engine.events import Event, Listener
from worker.engine.extract import extract
from worker.engine.oci import Digest, Platform, Reference
from worker.engine.store import Store
from worker.models.limits import require_allowed
from worker.models.reach import endpoint_for
from worker.models.recording import record, record_extraction
from worker.tasks.running import Outcome, Run


def pull_image(
    run: Run, listener: Listener | None = None, arrived: Callable[[engine.PulledImage], None] | None = None
) -> Outcome:
    """Pull what the job names, and enter it in the catalog.

    Args:
        listener: is told of the progress as well.
        arrived: is called with the image.
    """
    job = run.job
    reference = Reference.parse(job.reference)
    require_allowed(reference.registry)
    request = engine.PullRequest(
        reference=reference,
        platform=Platform.parse(job.platform) if job.platform else None,
        endpoint=endpoint_for(job.project, reference.registry, job.arguments.get("insecure")),
        fetch_only=bool(job.arguments.get("fetch_only")),
        layers_at_once=settings.LAYERS_AT_ONCE,
    )
    pulled = engine.pull(_store(), request, _both(run.reporter, listener), run.cancel)
    image = record(job.project, reference, pulled)
    if arrived is not None:
        arrived(pulled)
    return Outcome(_facts(pulled), image)


def extract_image(run: Run) -> Outcome:
    """Unpack the layers of an image whose blobs are here."""
    image = run.job.image
    if image is None:
        raise NotFound("The image of this job is gone.", hint="Pull it again.")
    pulled = extract(_store(), Digest.parse(image.digest), run.reporter, run.cancel)
    return Outcome(_facts(pulled), record_extraction(image, pulled))


def _store() -> Store:
    store = Store(settings.STORE_DIR)
    store.prepare()
    return store


def _facts(pulled: engine.PulledImage) -> dict[str, Any]:
    return {
        "unchanged": pulled.unchanged,
        "bytes_fetched": pulled.bytes_fetched,
        "layers_extracted": pulled.layers_extracted,
        "digest": str(pulled.digest),
        "platform": str(pulled.platform),
    }


def _both(first: Listener, second: Listener | None) -> Listener:
    if second is None:
        return first
    other = second

    def tell(event: Event) -> None:
        first(event)
        other(event)

    return tell

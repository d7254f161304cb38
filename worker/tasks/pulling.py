"""The work of a pull, and of an extraction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.conf import settings
from django.utils.timezone import now

from worker.engine import pull as engine
from worker.engine.errors import NotFound, RateLimited, StoreDamaged
from worker.engine.events import all_of
from worker.engine.extract import extract
from worker.engine.oci import Digest, Reference
from worker.models import SCHEDULED_RESERVE, Schedule
from worker.models.limits import require_allowed
from worker.models.platforms import read_platforms
from worker.models.reach import endpoint_for
from worker.models.recording import record_all, record_extraction
from worker.tasks.bounds import layer_limits
from worker.tasks.entering import keep_listed
from worker.tasks.limiting import LimitKeeper
from worker.tasks.looking import Looking
from worker.tasks.running import Outcome, Run
from worker.tasks.stores import bring_in_line, open_store


def pull_image(run: Run, arrived: Callable[[Sequence[engine.PulledImage]], None] | None = None) -> Outcome:
    """Pull what the job names, for all platforms that it names, and enter it in the catalog.

    ``arrived`` is called with the images, the job's own first.
    """
    job = run.job
    reference = Reference.parse(job.reference)
    require_allowed(reference.registry)
    endpoint = endpoint_for(
        job.project,
        reference.registry,
        job.arguments.get("insecure"),
        reserve=SCHEDULED_RESERVE if job.arguments.get("scheduled") else 0.0,
    )
    request = engine.PullRequest(
        reference=reference,
        platform=None,
        platforms=read_platforms(job.platform),
        endpoint=endpoint,
        fetch_only=bool(job.arguments.get("fetch_only")),
        layers_at_once=settings.LAYERS_AT_ONCE,
        limits=layer_limits(),
    )
    store = open_store()
    limits = LimitKeeper(job.project)
    with Looking(endpoint, reference.repository) as looking:
        try:
            listen = all_of(run.listener, limits, looking)
            pulled = engine.pull_platforms(store, request, listen, run.cancel)
        except RateLimited as error:
            if job.schedule_id:
                Schedule.objects.filter(pk=job.schedule_id).update(note=f"Held back: {error.message}")
            raise
        finally:
            limits.flush()
        begun = now()
        images = record_all(job.project, reference, pulled)
        keep_listed(store, reference, pulled, images, begun)
        looking.record(images, pulled)
    if arrived is not None:
        arrived(pulled)
    return Outcome(_facts(pulled) | {"images": [image.pk for image in images]}, images[0])


def extract_image(run: Run) -> Outcome:
    """Unpack the layers of an image whose blobs are here."""
    image = run.job.image
    if image is None:
        raise NotFound("The image of this job is gone.", hint="Pull it again.")
    store = open_store()
    try:
        pulled = extract(store, Digest.parse(image.digest), run.listener, run.cancel, limits=layer_limits())
    except StoreDamaged:
        bring_in_line(store)  # what was found to be damaged is no longer there
        raise
    return Outcome(_facts([pulled]), record_extraction(image, pulled))


def _facts(pulled: Sequence[engine.PulledImage]) -> dict[str, Any]:
    return {
        "unchanged": all(image.unchanged for image in pulled),
        "bytes_fetched": sum(image.bytes_fetched for image in pulled),
        "layers_extracted": sum(image.layers_extracted for image in pulled),
        "digest": str(pulled[0].digest),
        "platform": ",".join(str(image.platform) for image in pulled),
    }

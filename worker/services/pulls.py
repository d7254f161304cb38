"""Start pulls and extractions."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib.auth.models import User

from worker.engine.errors import Conflict
from worker.engine.oci import Reference
from worker.models import ACTIVE_STATES, Image, Job, JobKind, Project, Role, Schedule
from worker.models.limits import require_allowed, require_quota
from worker.models.platforms import write_platforms
from worker.models.reach import endpoint_for
from worker.services.access import creator, require
from worker.tasks.dispatch import submit


def start_pull(
    project: Project,
    reference: str,
    *,
    platform: str = "",
    platforms: Sequence[str] = (),
    insecure: bool | None = None,
    fetch_only: bool = False,
    by: User | None,
    schedule: Schedule | None = None,
) -> Job:
    """Queue a pull.

    Args:
        platform: os/arch[/variant]; empty for the one of the worker's machine.
        platforms: several of an index's, or ``all``, instead of one or besides it.
        insecure: allow plain HTTP and unverified TLS; None: as the project's registry row says.
        fetch_only: fetch and verify the blobs, extract nothing.

    Raises:
        NotAllowed: ``by`` is not an operator, the registry is not on the allow-list, or its credentials would
            be sent over an insecure connection.
        InvalidReference, InvalidPlatform: it cannot be meant.
        Conflict: the project has used up its quota, or a stored password cannot be decrypted.
    """
    require(by, project, Role.OPERATOR)
    parsed, wanted = check_pull(project, reference), write_platforms([platform, *platforms])
    # What the worker will need; if it cannot be had, better say so now.
    endpoint_for(project, parsed.registry, insecure)
    return submit(
        project,
        JobKind.PULL,
        reference=str(parsed),
        platform=wanted,
        arguments={"insecure": insecure, "fetch_only": fetch_only},
        schedule=schedule,
        created_by=creator(by),
    )


def check_pull(project: Project, reference: str) -> Reference:
    """Return the parsed reference of a pull that may be made; raises as :func:`start_pull`."""
    parsed = Reference.parse(reference)
    require_allowed(parsed.registry)
    require_quota(project)
    return parsed


def start_extract(image: Image, *, by: User | None) -> Job:
    """Queue the extraction of an image whose blobs are here.

    Raises:
        NotAllowed: ``by`` is not an operator of the project.
        Conflict: it is being extracted already.
    """
    require(by, image.project, Role.OPERATOR)
    if image.jobs.filter(kind=JobKind.EXTRACT, state__in=ACTIVE_STATES).exists():
        raise Conflict("This image is being extracted already.", hint="Wait for that job to end.")
    return submit(
        image.project,
        JobKind.EXTRACT,
        reference=f"{image.registry_host}/{image.repository}@{image.digest}",
        platform=image.platform,
        image=image,
        created_by=creator(by),
    )

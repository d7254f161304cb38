"""Start pulls and extractions."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db.models import Sum

from worker.engine.errors import Conflict
from worker.engine.oci import Platform, Reference
from worker.models import ACTIVE_STATES, Image, Job, JobKind, Project, Role, Schedule
from worker.services.access import creator, require
from worker.services.allowed import require_allowed
from worker.tasks.dispatch import submit


def start_pull(
    project: Project,
    reference: str,
    *,
    platform: str = "",
    insecure: bool | None = None,
    fetch_only: bool = False,
    by: User | None,
    schedule: Schedule | None = None,
) -> Job:
    """Queue a pull.

    Args:
        platform: os/arch[/variant]; empty for the one of the worker's machine.
        insecure: allow plain HTTP and unverified TLS; None: as the project's registry row says.
        fetch_only: fetch and verify the blobs, extract nothing.

    Raises:
        NotAllowed: ``by`` is not an operator, or the registry is not on the allow-list.
        InvalidReference, InvalidPlatform: it cannot be meant.
        Conflict: the project has used up its quota.
    """
    require(by, project, Role.OPERATOR)
    parsed = check_pull(project, reference, platform)
    return submit(
        project,
        JobKind.PULL,
        reference=str(parsed),
        platform=str(Platform.parse(platform)) if platform else "",
        arguments={"insecure": insecure, "fetch_only": fetch_only},
        schedule=schedule,
        created_by=creator(by),
    )


def check_pull(project: Project, reference: str, platform: str = "") -> Reference:
    """Return the parsed reference of a pull that may be made; raises as :func:`start_pull`."""
    parsed = Reference.parse(reference)
    if platform:
        Platform.parse(platform)
    require_allowed(parsed.registry)
    if project.quota_bytes is not None and used_bytes(project) >= project.quota_bytes:
        raise Conflict(
            f"The project {project} has used up its quota of {project.quota_bytes / 2**30:.3g} GiB.",
            hint="Remove images that nobody needs, or ask an administrator for a larger quota.",
        )
    return parsed


def used_bytes(project: Project) -> int:
    """Return the compressed bytes of all images of ``project``, as its quota counts them."""
    return Image.objects.filter(project=project).aggregate(sum=Sum("compressed_size"))["sum"] or 0


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

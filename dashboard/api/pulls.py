"""Start pulls."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from ninja import Router
from ninja.responses import Status

from dashboard.api.auth import caller
from dashboard.api.schemas.jobs import JobOut, PullIn
from dashboard.api.scope import project_for
from worker import services
from worker.progress import latest

router = Router(tags=["pulls"])


@router.post("pulls", response={202: JobOut}, summary="Pull an image")
def pull(request: HttpRequest, given: PullIn, response: HttpResponse) -> Status[JobOut]:
    """Operators. The pull goes on as a job; follow it at `jobs/{id}` or `jobs/{id}/events`."""
    user = caller(request)
    job = services.start_pull(
        project_for(user, given.project),
        given.reference,
        platform=given.platform or "",
        platforms=given.platforms,
        insecure=given.insecure,
        fetch_only=given.fetch_only,
        by=user,
    )
    response["Location"] = f"/api/v1/jobs/{job.pk}"
    return Status(202, JobOut.of(job, latest(job)))

"""Jobs."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Router
from ninja.responses import Status

from dashboard.api.auth import caller
from dashboard.api.paging import Cursor, Limit, newest_first
from dashboard.api.schemas.common import Page
from dashboard.api.schemas.jobs import JobOut
from dashboard.api.scope import find, project_for
from worker import services
from worker.models import Job, JobKind, JobState
from worker.progress import latest, of_job

router = Router(tags=["jobs"])
_LOADED = ("project", "created_by", "image", "container")


@router.get("jobs", response=Page[JobOut], summary="List jobs, the newest first")
def jobs(
    request: HttpRequest,
    project: str | None = None,
    state: JobState | None = None,
    kind: JobKind | None = None,
    q: str = "",
    cursor: Cursor = "",
    limit: Limit = 50,
) -> Page[JobOut]:
    """Members. `q` is a part of the reference. The progress in a list is that of the job's last change."""
    rows = Job.objects.filter(project=project_for(caller(request), project)).select_related(*_LOADED)
    if state is not None:
        rows = rows.filter(state=state)
    if kind is not None:
        rows = rows.filter(kind=kind)
    if q:
        rows = rows.filter(reference__icontains=q)
    return newest_first(rows, "created_at", cursor, limit, lambda job: JobOut.of(job, of_job(job)))


@router.get("jobs/{int:id}", response=JobOut, summary="A job and its progress")
def job(request: HttpRequest, id: int) -> JobOut:
    """Members."""
    row = _job(request, id)
    return JobOut.of(row, latest(row))


@router.post("jobs/{int:id}/cancel", response={202: JobOut}, summary="Cancel a job")
def cancel(request: HttpRequest, id: int) -> Status[JobOut]:
    """Operators. A queued job ends at once, a running one within a second."""
    row = services.cancel(_job(request, id), by=caller(request))
    return Status(202, JobOut.of(row, latest(row)))


@router.post("jobs/{int:id}/retry", response={202: JobOut}, summary="Do a job's work again")
def retry(request: HttpRequest, id: int) -> Status[JobOut]:
    """Operators. Returns the new job."""
    row = services.retry(_job(request, id), by=caller(request))
    return Status(202, JobOut.of(row, latest(row)))


def _job(request: HttpRequest, id: int) -> Job:
    return find(Job.objects.select_related(*_LOADED), caller(request), id, "job")

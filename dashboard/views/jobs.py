"""Jobs: the list, and one as it goes."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_POST

from dashboard.access import Request, get_project, signed_in
from dashboard.fragments import page_or_part
from dashboard.live.picture import JobPicture
from dashboard.live.waiting import waiting
from dashboard.messages import done, refused
from worker import services
from worker.engine.errors import Conflict, NotFound
from worker.models import ACTIVE_STATES, INSTALL_KINDS, Job, JobKind, JobState, Project, Role
from worker.progress import latest, of_job

PER_PAGE = 50
ACTIVE = "active"
_SHOWN = ("project", "image", "container__image", "created_by", "schedule")


@require_GET
def jobs(request: Request, project_slug: str) -> HttpResponse:
    """Members. The newest first; filters live in the query string."""
    project = get_project(request, project_slug)
    rows = _filtered(Job.objects.filter(project=project), request.GET.dict())
    rows = rows.select_related(*_SHOWN).order_by("-created_at", "-id")
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "rows": [(job, JobPicture(job, of_job(job))) for job in page],
        "states": [(ACTIVE, "queued or running"), *((state.value, state.value) for state in JobState)],
        "kinds": [kind.value for kind in JobKind],
        "chosen": {key: request.GET.get(key, "") for key in ("state", "kind", "q")},
        "is_filtered": any(request.GET.get(key) for key in ("state", "kind", "q")),
    }
    return page_or_part(request, "jobs/jobs.html", "list", context)


@require_GET
def job(request: Request, project_slug: str, job_id: int) -> HttpResponse:
    """Members."""
    project = get_project(request, project_slug)
    row = _job(project, job_id)
    is_operator = request.role.covers(Role.OPERATOR)
    if row.kind in INSTALL_KINDS:
        is_operator = signed_in(request).is_superuser
    runs_container = row.kind == JobKind.CONTAINER
    context: dict[str, Any] = {
        "job": row,
        "picture": JobPicture(row, latest(row), waiting(row)),
        "may_cancel": is_operator
        and row.is_active
        and not (runs_container and row.state == JobState.RUNNING),
        "may_retry": is_operator and not row.is_active and not runs_container and not _is_removed(row),
        "may_see_details": signed_in(request).is_superuser or row.kind == JobKind.REMOVE,
    }
    return page_or_part(request, "jobs/job.html", "job", context)


@require_POST
def cancel(request: Request, project_slug: str, job_id: int) -> HttpResponse:
    """Operators."""
    row = _job(get_project(request, project_slug, Role.OPERATOR), job_id)
    try:
        services.cancel(row, by=signed_in(request))
    except Conflict as error:
        # It ended between the page and the click: the job's own page tells how.
        refused(request, error)
    return redirect("job", project_slug, row.pk)


@require_POST
def retry(request: Request, project_slug: str, job_id: int) -> HttpResponse:
    """Operators. The new job's page follows."""
    row = _job(get_project(request, project_slug, Role.OPERATOR), job_id)
    try:
        again = services.retry(row, by=signed_in(request))
    except Conflict as error:
        refused(request, error)
        return redirect("job", project_slug, row.pk)
    done(request, f"Job {again.pk} does the work of job {row.pk} again.")
    return redirect("job", project_slug, again.pk)


def _job(project: Project, job_id: int) -> Job:
    row = Job.objects.filter(project=project, pk=job_id).select_related(*_SHOWN).first()
    if row is None:
        raise NotFound(f"There is no job {job_id} in {project.name}.")
    return row


def _is_removed(job: Job) -> bool:
    """Whether it has removed images, which cannot be done twice."""
    return job.kind == JobKind.REMOVE and job.state == JobState.SUCCEEDED


def _filtered(rows: QuerySet[Job], chosen: dict[str, str]) -> QuerySet[Job]:
    """Narrow ``rows`` by state, kind and text. A value that nobody can choose narrows to nothing."""
    if state := chosen.get("state"):
        rows = rows.filter(state__in=ACTIVE_STATES if state == ACTIVE else [state])
    if kind := chosen.get("kind"):
        rows = rows.filter(kind=kind)
    for word in chosen.get("q", "").split():
        matches = Q(reference__icontains=word) | Q(container__name__icontains=word)
        if word.lstrip("#").isdecimal():
            matches |= Q(pk=int(word.lstrip("#")[:15]))
        rows = rows.filter(matches)
    return rows

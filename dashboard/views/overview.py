"""A project at a glance."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboard.access import Request, get_project
from dashboard.fragments import page_or_part
from dashboard.live.picture import JobPicture
from dashboard.queries.figures import containers_by_state, holdings, lately
from dashboard.queries.images import rows
from worker.models import ACTIVE_STATES, Container, ContainerState, Image, Job, Project
from worker.progress import latest

_LATEST = 6
_AT_WORK = 8


@require_safe
def overview(request: Request, project_slug: str) -> HttpResponse:
    """Members: what the project holds, what happens in it now, what came last. ``part`` names a fragment."""
    project = get_project(request, project_slug)
    wanted = request.GET.get("part", "")
    part = wanted if wanted in _PARTS else "figures"
    context: dict[str, object] = {}
    for name in [part] if request.htmx else _PARTS:
        context |= _PARTS[name](project)
    return page_or_part(request, "overview/overview.html", part, context)


@require_safe
def counts(request: Request, project_slug: str) -> HttpResponse:
    """Members: the numbers in the rail, for a page on which something changed."""
    get_project(request, project_slug)
    return render(request, "parts/counts.html")


def _figures(project: Project) -> dict[str, object]:
    running, every = containers_by_state(project)
    return {
        "holdings": holdings(project),
        "running_count": running,
        "container_count": every,
    }


def _work(project: Project) -> dict[str, object]:
    active = Job.objects.filter(project=project, state__in=ACTIVE_STATES)
    shown = active.select_related("project", "image", "container", "schedule").order_by(
        "-state", "created_at"
    )
    jobs = [JobPicture(job, latest(job)) for job in shown[:_AT_WORK]]
    return {
        "jobs": jobs,
        "job_count": len(jobs) if len(jobs) < _AT_WORK else active.count(),
        "lately": lately(project),
    }


def _images(project: Project) -> dict[str, object]:
    last = Image.objects.filter(project=project).leads().lately().values_list("pk", flat=True)
    return {"rows": rows(project, list(last[:_LATEST]))}


def _containers(project: Project) -> dict[str, object]:
    running = Container.objects.filter(project=project, state=ContainerState.RUNNING)
    return {
        "running": list(
            running.select_related("image").defer("image__config").order_by("-started_at")[:_LATEST]
        )
    }


_PARTS = {"figures": _figures, "work": _work, "images": _images, "containers": _containers}

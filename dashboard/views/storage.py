"""The store that all projects share: what it takes, and what keeps it in order."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard.access import Request, get_project, install_admin, signed_in
from dashboard.fragments import page_or_part
from dashboard.live.waiting import waiting
from dashboard.messages import done, refused
from dashboard.queries.storage import active_jobs, last_done, last_preview, parts
from worker import services
from worker.engine.errors import Conflict
from worker.models import Job, JobKind
from worker.models.job import STORE_SLOT


@require_safe
def storage(request: Request, project_slug: str) -> HttpResponse:
    """Members: sizes and what was done; the buttons are for administrators of the install."""
    project = get_project(request, project_slug)
    survey = services.refresh_storage()
    context = {
        "survey": survey,
        "parts": parts(survey),
        "is_measured_now": services.is_measured_now(survey),
        "active": active_jobs(),
        "collected": last_done(JobKind.COLLECT),
        "scrubbed": last_done(JobKind.SCRUB),
        "rebuilt": last_done(JobKind.REBUILD),
        "removed": last_done(JobKind.REMOVE, project),
        "may_keep": signed_in(request).is_superuser,
    }
    return page_or_part(request, "storage/storage.html", "store", context)


@require_http_methods(["GET", "POST"])
def collect(request: Request, project_slug: str) -> HttpResponse:
    """Administrators of the install: what a collection would remove; posted, it begins."""
    project = get_project(request, project_slug)
    user = install_admin(request)
    if request.method == "POST":
        return _begun(request, project_slug, lambda: services.start_collect(project, by=user))
    look = last_preview()
    context = {
        "look": look,
        "waits_for": waiting(look.job) if look is not None else None,
        "active": [picture for picture in active_jobs() if picture.job.slot == STORE_SLOT],
    }
    return page_or_part(request, "storage/collect.html", "look", context)


@require_POST
def preview(request: Request, project_slug: str) -> HttpResponse:
    """Administrators of the install: look for garbage, and go to the page that shows it."""
    project = get_project(request, project_slug)
    user = install_admin(request)
    with suppress(Conflict):  # somebody looks already: what that finds is as good
        services.start_preview(project, by=user)
    return redirect("storage_collect", project_slug)


@require_POST
def scrub(request: Request, project_slug: str) -> HttpResponse:
    """Administrators of the install; the job's page follows."""
    project = get_project(request, project_slug)
    user = install_admin(request)
    repair = request.POST.get("repair") == "yes"
    return _begun(request, project_slug, lambda: services.start_scrub(project, repair=repair, by=user))


@require_http_methods(["GET", "POST"])
def rebuild(request: Request, project_slug: str) -> HttpResponse:
    """Administrators of the install; first it is asked back, since it fills this project."""
    project = get_project(request, project_slug)
    user = install_admin(request)
    if request.method == "POST":
        return _begun(request, project_slug, lambda: services.start_rebuild(project, by=user))
    return render(request, "storage/rebuild.html", {"back": reverse("storage", args=[project.slug])})


@require_POST
def measure(request: Request, project_slug: str) -> HttpResponse:
    """Administrators of the install."""
    get_project(request, project_slug)
    user = install_admin(request)
    if services.measure_storage(by=user) or services.is_measured_now(services.refresh_storage()):
        done(request, "The store is being measured; the figures follow by themselves.")
    else:
        messages.error(request, "The store cannot be measured now: Redis cannot be reached.")
    return redirect("storage", project_slug)


def _begun(request: Request, project_slug: str, start: Callable[[], Job]) -> HttpResponse:
    """Go to the page of the job that ``start`` begins, or back with why it cannot begin."""
    try:
        job = start()
    except Conflict as error:
        refused(request, error)
        return redirect("storage", project_slug)
    return redirect("job", project_slug, job.pk)

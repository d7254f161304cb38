"""Removing images, after it was said exactly what that frees, what stays, and because of whom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from dashboard.access import Request, get_project, signed_in
from dashboard.fragments import page_or_part
from dashboard.messages import refused
from dashboard.queries.image import get_image
from dashboard.queries.removal import PICTURE_WIDTH, Rule, read_ids, removal_of, repositories
from worker import services
from worker.engine.errors import Conflict, InvalidInput, NotFound
from worker.models import Image, Project, Role


@require_http_methods(["GET", "POST"])
def remove_images(request: Request, project_slug: str) -> HttpResponse:
    """Operators: what removing the chosen images would free; posted, it begins, if it still means that."""
    project = get_project(request, project_slug, Role.OPERATOR)
    if request.method == "POST":
        return _begin(request, project, read_ids(request.POST.getlist("image")))
    rule = Rule.read(request.GET)
    found = rule.apply(project) if rule is not None else []
    ids = [*read_ids(request.GET.getlist("image")), *found]
    return _page(request, project, ids, rule)


@require_http_methods(["GET", "POST"])
def remove_image(request: Request, project_slug: str, image_id: int) -> HttpResponse:
    """Operators: the same for one image."""
    project = get_project(request, project_slug, Role.OPERATOR)
    image = get_image(project, image_id)
    if request.method == "POST":
        return _begin(request, project, [image.pk])
    return _page(request, project, [image.pk])


def _begin(request: Request, project: Project, ids: Sequence[int]) -> HttpResponse:
    """Go to the page of the job that removes them; or back to what it would mean now, with why not."""
    try:
        images = services.chosen_images(project, ids)
        job = services.remove_images(images, mark=request.POST.get("mark", ""), by=signed_in(request))
    except (Conflict, InvalidInput, NotFound) as error:
        refused(request, error)
        back = {"image": ",".join(map(str, ids)), "shown": request.POST.get("shown", "")}
        return redirect(f"{reverse('images_remove', args=[project.slug])}?{urlencode(back)}")
    return redirect("job", project.slug, job.pk)


def _page(request: Request, project: Project, ids: Sequence[int], rule: Rule | None = None) -> HttpResponse:
    here = Image.objects.filter(project=project, pk__in=ids).defer("config")
    images = list(here.select_related("project", "index"))
    chosen = sorted(images, key=lambda image: ids.index(image.pk))[: services.MOST_IMAGES]
    context: dict[str, Any] = {
        "rule": rule,
        "repositories": repositories(project),
        "missing": len(set(ids)) - len(images),
        "too_many": len(images) - len(chosen),
        "most": services.MOST_IMAGES,
        "width": PICTURE_WIDTH,
        "removal": None,
    }
    if chosen:
        what = services.what_would_go(chosen, by=signed_in(request))
        context["removal"] = removal_of(project, what)
        shown = request.GET.get("shown", "")
        if shown.isascii() and shown.isdigit() and int(shown[:18]) != what.freed:
            context["shown"] = int(shown[:18])
    return page_or_part(request, "removal/removal.html", "going", context)

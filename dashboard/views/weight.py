"""The Weight tab of an image: what it weighs, what of that is waste, and whether it keeps rules."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from dashboard.access import Request, get_project, signed_in
from dashboard.forms.rules import RulesForm
from dashboard.queries.file_trees import FilesNotHere, files_or_why_not
from dashboard.queries.files_wish import read_path
from dashboard.queries.image import Summary, get_image, summary
from dashboard.queries.images import stack_of
from dashboard.queries.names import names_of
from dashboard.queries.weight import files_weight, stack_bars, weigh
from dashboard.queries.weight_map import weight_map
from dashboard.views.image import show_tab
from worker.engine.errors import InvalidInput
from worker.engine.files import ImageFiles
from worker.engine.weight import check
from worker.models import ContentShare, Image, Project
from worker.services import contents_of, is_counted_now

_TEMPLATE = "image/weight.html"
_WASTED_PER_PAGE = 25


@require_safe
def image_weight(request: Request, project_slug: str, image_id: int) -> HttpResponse:
    """Members: layers and directories to scale, efficiency, the worst files, and rules."""
    project = get_project(request, project_slug)
    image = get_image(project, image_id)
    files = None
    if image.extracted and image.layer_count:
        found = files_or_why_not(image, signed_in(request))
        if isinstance(found, FilesNotHere):
            return _whole(request, project, image, {"not_here": found})
        files = found
    part = str(request.htmx.target or "").rpartition("#")[2] if request.htmx else ""
    if files is not None and part in _PARTS:
        context = _PARTS[part](request, project, image, files)
        if part == "map":
            context |= _pages_beside(_wasted(request, project, image, files))
        response = render(request, f"{_TEMPLATE}#{part}", context | {"image": image})
        patch_vary_headers(response, ["HX-Request", "HX-Target"])
        return response
    context = {}
    if files is not None:
        context = {"sums": files_weight(files).sums}
        for make in _PARTS.values():
            context |= make(request, project, image, files)
    return _whole(request, project, image, context)


def _whole(request: Request, project: Project, image: Image, context: dict[str, Any]) -> HttpResponse:
    facts: Summary = summary(project, image)
    weight = weigh(image, facts.stack, context.get("sums"))
    counted = contents_of(project)
    context |= {
        "weight": weight,
        "bars": stack_bars(weight.layers),
        "counted": counted,
        "is_counted_now": is_counted_now(counted),
        "share": ContentShare.objects.filter(image=image).first(),
    }
    response = show_tab(request, facts, "weight", context)
    patch_vary_headers(response, ["HX-Request", "HX-Target"])
    return response


def _map(request: Request, project: Project, image: Image, files: ImageFiles) -> dict[str, Any]:
    """The treemap of one directory."""
    wanted = request.GET.get("path", "")
    try:
        path = read_path(wanted)
    except InvalidInput as error:
        return {"map": None, "map_problem": error}
    stack = stack_of(image)
    return {"map": weight_map(image, project.slug, files.view(), stack, path), "map_path": wanted}


def _wasted(request: Request, project: Project, image: Image, files: ImageFiles) -> dict[str, Any]:
    """The worst files, page by page."""
    known = files_weight(files).efficiency
    page = Paginator(known.worst, _WASTED_PER_PAGE).get_page(request.GET.get("page"))
    return {"efficiency": known, "page": page}


def _pages_beside(wasted: dict[str, Any]) -> dict[str, Any]:
    """The worst files beside a treemap: the addresses of their other pages say which directory it shows."""
    several = wasted["page"].paginator.num_pages > 1
    return wasted | {"with_wasted": True} if several else {}


def _rules(request: Request, project: Project, image: Image, files: ImageFiles) -> dict[str, Any]:
    """The form of rules, and what came of them if any were given."""
    asked = "check" in request.GET
    form = RulesForm(request.GET if asked else None)
    report = check(files, form.rules) if asked and form.is_valid() and form.rules else None
    reference = names_of([image])[image.pk].name.reference
    named = reference if ":" in reference.rpartition("/")[2] else image.digest
    return {"form": form, "report": report, "command": form.command(named) if report else ""}


_PARTS = {"map": _map, "wasted": _wasted, "rules": _rules}

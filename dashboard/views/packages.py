"""Packages: those of an image, and which images have one."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpResponse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from dashboard.access import Request, get_project
from dashboard.fragments import aims_at, page_or_part
from dashboard.queries.image import get_image
from dashboard.queries.package_hits import image_hits
from dashboard.queries.package_search import PackageQuery, count_unread, search, similar
from dashboard.queries.packages import (
    LABELS,
    SORTS,
    PackageFilter,
    ecosystems,
    layers_with,
    page_of_packages,
)
from dashboard.sboms import sbom as sbom_of
from dashboard.views.image import facts_of, show_tab
from worker.engine.errors import InvalidInput
from worker.models import Image
from worker.models.packages import packages_of

PER_PAGE = 50


@require_safe
def image_packages(request: Request, project_slug: str, image_id: int) -> HttpResponse:
    """Members: what is installed in an image, and by which layer."""
    _, facts = facts_of(request, project_slug, image_id)
    wanted = PackageFilter.read(request.GET)
    found = packages_of(facts.image)
    page, rows = page_of_packages(wanted.apply(found.packages), request.GET.get("page"), facts.stack)
    context: dict[str, Any] = {
        "found": found,
        "wanted": wanted,
        "sorts": SORTS,
        "ecosystems": ecosystems(found),
        "layers": layers_with(found, facts.stack),
        "page": page,
        "rows": rows,
    }
    if request.htmx:
        part = "whole" if aims_at(request, "package-tab") else "list"
        return page_or_part(request, "image/packages.html", part, context | {"image": facts.image})
    response = show_tab(request, facts, "packages", context)
    patch_vary_headers(response, ["HX-Request", "HX-Target"])
    return response


@require_safe
def image_sbom(request: Request, project_slug: str, image_id: int) -> HttpResponse:
    """Members: the packages of an image as a CycloneDX or SPDX document."""
    project = get_project(request, project_slug)
    return sbom_of(get_image(project, image_id), request.GET.get("format", "cyclonedx"))


@require_safe
def packages(request: Request, project_slug: str) -> HttpResponse:
    """Members: which images have a package."""
    project = get_project(request, project_slug)
    context: dict[str, Any] = {"ecosystems": LABELS.items(), "text": request.GET.get("q", "").strip()[:600]}
    context["ecosystem"], context["source"] = request.GET.get("ecosystem", ""), request.GET.get("source", "")
    status = 200
    try:
        query = PackageQuery.read(request.GET)
        answer = search(project, query) if query else None
    except InvalidInput as error:
        query, answer, status = None, None, 422
        context["error"] = error
    if query and answer:
        page = Paginator(list(answer.hits), PER_PAGE).get_page(request.GET.get("page"))
        context |= {"query": query, "answer": answer, "page": page}
        context["rows"] = image_hits(project, answer, list(page))
        context["similar"] = [] if answer.hits else similar(project, query)
    elif status == 200:
        context["unread"] = count_unread(project)
        context["images"] = Image.objects.filter(project=project).count()
        context["known"] = context["images"] - context["unread"]
    return page_or_part(request, "packages/search.html", "answer", context, status=status)

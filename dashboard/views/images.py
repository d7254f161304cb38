"""The list of images."""

from __future__ import annotations

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from dashboard.access import Request, get_project
from dashboard.fragments import page_or_part
from dashboard.queries.figures import holdings, lately
from dashboard.queries.images import SORTS, ImageFilter, choices, page_of_images, rows


@require_safe
def images(request: Request, project_slug: str) -> HttpResponse:
    """Members: the project's images, searched, filtered, sorted and paged by the query string."""
    project = get_project(request, project_slug)
    wanted = ImageFilter.read(request.GET)
    page = page_of_images(wanted.apply(project), request.GET.get("page"))
    context = {
        "wanted": wanted,
        "page": page,
        "rows": rows(project, list(page)),
        "sorts": SORTS,
        "choices": choices(project),
    }
    if not request.htmx:
        context |= {"holdings": holdings(project), "lately": lately(project)}
    return page_or_part(request, "images/images.html", "list", context)

"""All layers of a project, and one of them."""

from __future__ import annotations

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from dashboard.access import Request, get_project
from dashboard.fragments import aims_at, page_or_part
from dashboard.queries.figures import holdings
from dashboard.queries.images import page_of_images
from dashboard.queries.images import rows as image_rows
from dashboard.queries.layer_changes import done, standing
from dashboard.queries.layers import (
    SORTS,
    LayerFilter,
    containers_on,
    images_on,
    layer_facts,
    page_of_layers,
    rows,
)


@require_safe
def layers(request: Request, project_slug: str) -> HttpResponse:
    """Members: each layer once, by size or by how many images stand on it."""
    project = get_project(request, project_slug)
    wanted = LayerFilter.read(request.GET)
    whole = holdings(project)
    count = None if wanted.narrows else whole.layers
    page = page_of_layers(wanted.apply(project), request.GET.get("page"), count)
    context = {
        "wanted": wanted,
        "sorts": SORTS,
        "page": page,
        "rows": rows(project, list(page)),
        "holdings": whole,
    }
    return page_or_part(request, "layers/layers.html", "list", context)


@require_safe
def layer(request: Request, project_slug: str, diff_id: str) -> HttpResponse:
    """Members: one layer, what it did in the stack of an image, and the images and containers on it."""
    project = get_project(request, project_slug)
    facts = layer_facts(project, diff_id)
    where = standing(project, facts.layer, request.GET.get("image", ""))
    context = {"facts": facts, "layer": facts.layer, "where": where}
    if not request.htmx or aims_at(request, "deeds"):
        did = done(where, request.GET.get("change", ""), request.GET.get("deeds"))
        context |= {"done": did, "not_here": did.not_here}
        if request.htmx:
            return page_or_part(request, "layers/layer.html", "deeds", context)
    page = page_of_images(images_on(project, facts.layer), request.GET.get("page"))
    context |= {"page": page, "rows": image_rows(project, list(page))}
    if not request.htmx:
        context["containers"], context["container_count"] = containers_on(project, facts.layer)
    return page_or_part(request, "layers/layer.html", "images", context)

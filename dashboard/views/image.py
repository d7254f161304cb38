"""One image and its tabs."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from dashboard.access import Request, get_project, signed_in
from dashboard.figures import bars
from dashboard.messages import done, refused
from dashboard.queries.image import Summary, get_image, movements, strata, summary
from dashboard.queries.pointing import current_tags
from dashboard.queries.referrers import count_referring, referring
from dashboard.queries.relatives import family, outdated, parentage, rebuilding, siblings_of
from dashboard.templatetags.strata import slices
from worker.engine.errors import Conflict, InvalidManifest, StrataError
from worker.engine.oci import ImageConfig
from worker.models import Project, Role
from worker.services import look_for_referrers, start_extract

PILLAR_WIDTH = 120
_PILLAR_HEIGHTS = (320, 720)
_RAW_LIMIT = 512 * 1024


@require_safe
def layers(request: Request, project_slug: str, image_id: int) -> HttpResponse:
    """Members: the stack, drawn and listed."""
    project, facts = facts_of(request, project_slug, image_id)
    rows = strata(project, facts)
    low, high = _PILLAR_HEIGHTS
    height = min(high, max(low, 9 * len(rows)))
    pillar = bars(slices([row.row for row in rows]), height)
    # The pillar counts from the top; rows are addressed by their place from the base.
    drawn = list(zip(rows, pillar, strict=True))
    context = {"strata": rows, "pillar": drawn, "pillar_width": PILLAR_WIDTH, "pillar_height": height}
    return show_tab(request, facts, "layers", context)


@require_safe
def lineage(request: Request, project_slug: str, image_id: int) -> HttpResponse:
    """Members: from the base to this image, and what grew from it."""
    _, facts = facts_of(request, project_slug, image_id)
    context = {
        "family": family(facts),
        "parentage": parentage(facts),
        "outdated": outdated(facts),
        "siblings": siblings_of(facts),
        "rebuilding": rebuilding(facts),
    }
    return show_tab(request, facts, "lineage", context)


@require_safe
def config(request: Request, project_slug: str, image_id: int) -> HttpResponse:
    """Members: how a container of it runs, and how it was built."""
    _, facts = facts_of(request, project_slug, image_id)
    raw = json.dumps(facts.image.config, indent=2, ensure_ascii=False)
    try:
        parsed = ImageConfig.parse(json.dumps(facts.image.config).encode())
    except InvalidManifest:
        parsed = None
    variables = [variable.partition("=")[::2] for variable in parsed.env] if parsed else []
    context = {
        "config": parsed,
        "env": variables,
        "raw": raw[:_RAW_LIMIT],
        "raw_is_cut": len(raw) > _RAW_LIMIT,
    }
    return show_tab(request, facts, "config", context)


@require_safe
def tags(request: Request, project_slug: str, image_id: int) -> HttpResponse:
    """Members: the tags that point here, and how they came and went."""
    project, facts = facts_of(request, project_slug, image_id)
    context = {"tags": current_tags(facts.image), "movements": movements(project, facts.image)}
    return show_tab(request, facts, "tags", context)


@require_safe
def containers(request: Request, project_slug: str, image_id: int) -> HttpResponse:
    """Members: the containers on this image."""
    _, facts = facts_of(request, project_slug, image_id)
    rows = facts.image.containers.select_related("created_by").order_by("-created_at", "-id")
    return show_tab(request, facts, "containers", {"containers": rows[:200]})


@require_safe
def referrers(request: Request, project_slug: str, image_id: int) -> HttpResponse:
    """Members: signatures, SBOMs and attestations that the registry has of it."""
    _, facts = facts_of(request, project_slug, image_id)
    return show_tab(request, facts, "referrers", {"referring": referring(facts.image)})


@require_POST
def look(request: Request, project_slug: str, image_id: int) -> HttpResponse:
    """Operators: ask the registry what refers to it."""
    project = get_project(request, project_slug, Role.OPERATOR)
    image = get_image(project, image_id)
    try:
        count = look_for_referrers(image, by=signed_in(request))
    except StrataError as error:
        refused(request, error)
    else:
        done(request, f"{_counted(count)} to this image.")
    return redirect("image_referrers", project.slug, image.pk)


@require_POST
def extract(request: Request, project_slug: str, image_id: int) -> HttpResponse:
    """Operators: unpack the layers of an image that was only fetched."""
    project = get_project(request, project_slug, Role.OPERATOR)
    image = get_image(project, image_id)
    try:
        job = start_extract(image, by=signed_in(request))
    except Conflict as error:
        refused(request, error)
        return redirect("image", project.slug, image.pk)
    return redirect("job", project.slug, job.pk)


def _counted(count: int) -> str:
    if count == 0:
        return "The registry has nothing that refers"
    return "One artifact refers" if count == 1 else f"{count} artifacts refer"


def facts_of(request: Request, project_slug: str, image_id: int) -> tuple[Project, Summary]:
    """Members: return the project, and what the head of each tab shows of the image."""
    project = get_project(request, project_slug)
    return project, summary(project, get_image(project, image_id))


def show_tab(
    request: Request, facts: Summary, tab: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """Answer with ``templates/image/<tab>.html`` below the head of the image."""
    # Another platform is shown by the same tab.
    address = "image" if tab == "layers" else f"image_{tab}"
    context |= {"facts": facts, "image": facts.image, "tab": tab, "tab_address": address}
    context["referrer_count"] = count_referring(facts.image)
    return render(request, f"image/{tab}.html", context, status=status)

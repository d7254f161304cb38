"""Layers of a project's images."""

from __future__ import annotations

from typing import Annotated

from django.db.models import Count, Q
from django.http import HttpRequest
from ninja import Query, Router

from dashboard.api.auth import caller
from dashboard.api.paging import Cursor, Limit, newest_first
from dashboard.api.schemas.common import Page
from dashboard.api.schemas.images import LayerOut
from dashboard.api.scope import project_for
from worker.models import Layer

router = Router(tags=["layers"])


@router.get("layers", response=Page[LayerOut], summary="List layers, the newest first")
def layers(
    request: HttpRequest,
    project: str | None = None,
    q: Annotated[str, Query(description="A part of the diff ID.")] = "",
    cursor: Cursor = "",
    limit: Limit = 50,
) -> Page[LayerOut]:
    """Members. `images` counts the project's images that stand on the layer."""
    owner = project_for(caller(request), project)
    here = Q(image_layers__image__project=owner)
    # First which layers, then how often: else every layer would be counted before any is left out.
    ids = Layer.objects.filter(here, diff_id__icontains=q).values("pk")
    rows = Layer.objects.filter(pk__in=ids).annotate(
        used=Count("image_layers__image", filter=here, distinct=True)
    )
    return newest_first(rows, "created_at", cursor, limit, lambda row: LayerOut.of(row, vars(row)["used"]))

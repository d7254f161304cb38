"""Layers of a project's images."""

from __future__ import annotations

from typing import Annotated, Literal

from django.db.models import Count, Q
from django.http import HttpRequest
from ninja import Query, Router

from dashboard.api.auth import caller
from dashboard.api.paging import Cursor, Limit, newest_first, start_of
from dashboard.api.schemas.common import Page
from dashboard.api.schemas.file import (
    DeedOut,
    DeedPageOut,
    DeedsOut,
    EntryCountOut,
    LayerFormOut,
    LayerWithDeedsOut,
)
from dashboard.api.schemas.files import FileOut
from dashboard.api.schemas.images import LayerOut
from dashboard.api.scope import project_for, require_extracted
from dashboard.queries.file_trees import files_of
from dashboard.queries.layer_changes import Largest, Standing, standing
from dashboard.queries.layers import images_on, layer_facts
from worker.engine.files import Change, View
from worker.models import Container, Layer, Project

router = Router(tags=["layers"])

InStackOf = Annotated[
    int | None,
    Query(ge=1, le=2**63 - 1, description="An image that stands on it; absent: the first that does."),
]
_LISTED = 200


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


@router.get(
    "layers/{diff_id}",
    response=LayerWithDeedsOut,
    summary="A layer: its command, what it did, and the images and containers that stand on it",
)
def layer(
    request: HttpRequest, diff_id: str, project: str | None = None, image: InStackOf = None
) -> LayerWithDeedsOut:
    """Members."""
    owner = project_for(caller(request), project)
    facts = layer_facts(owner, diff_id)
    where = _standing(owner, facts.layer, image)
    images = images_on(owner, facts.layer).values_list("pk", flat=True)
    containers = Container.objects.filter(project=owner, image__in=images.order_by()).order_by("-created_at")
    return LayerWithDeedsOut(
        diff_id=facts.layer.diff_id,
        commands=facts.commands,
        blobs=[LayerFormOut(digest=b.digest, media_type=b.media_type, size=b.size) for b in facts.blobs],
        images=list(images[:_LISTED]),
        image_count=facts.images,
        containers=list(containers.values_list("pk", flat=True)[:_LISTED]),
        did=_did(where, _view(where)) if where.image.extracted else None,
        **LayerOut.sizes(facts.layer),
    )


@router.get(
    "layers/{diff_id}/changes",
    response=DeedPageOut,
    summary="The paths that a layer added, changed or removed, the largest first",
)
def layer_changes(
    request: HttpRequest,
    diff_id: str,
    project: str | None = None,
    image: InStackOf = None,
    change: Annotated[Literal["", "added", "changed", "removed"], Query()] = "",
    cursor: Cursor = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> DeedPageOut:
    """Members."""
    owner = project_for(caller(request), project)
    where = _standing(owner, layer_facts(owner, diff_id).layer, image)
    view = _view(where)
    deeds = Largest(view, Change(change) if change else None)
    start = start_of(cursor)
    following = start + limit
    return DeedPageOut(
        **_did(where, view).dict(),
        count=len(deeds),
        items=[
            DeedOut(file=FileOut.of(one.node, view), size_before=one.before.size if one.before else None)
            for one in deeds[start:following]
        ],
        next=str(following) if following < len(deeds) else None,
    )


def _standing(project: Project, layer: Layer, image: int | None) -> Standing:
    return standing(project, layer, "" if image is None else str(image))


def _view(where: Standing) -> View:
    require_extracted(where.image)
    return files_of(where.image).view(where.row.position)


def _did(where: Standing, view: View) -> DeedsOut:
    sums = view.changes()
    return DeedsOut(
        image=where.image.pk,
        position=where.row.position,
        added=EntryCountOut.of(sums.added),
        changed=EntryCountOut.of(sums.changed),
        changed_before=sums.changed_before,
        removed=EntryCountOut.of(sums.removed),
    )

"""Images, their layers and their family."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpRequest
from ninja import Query, Router
from ninja.responses import Status

from dashboard.api.auth import caller
from dashboard.api.paging import Cursor, Limit, newest_first
from dashboard.api.schemas.common import REGISTRY, Page
from dashboard.api.schemas.images import (
    ImageOut,
    ImageWithLayersOut,
    LineageOut,
    OutdatedBaseOut,
    ParentEvidenceOut,
    RebuildStepOut,
    ReferrerOut,
    ReferrersOut,
)
from dashboard.api.scope import find, project_for
from dashboard.queries.referrers import referring
from worker import services
from worker.models import Image, Project, lineage
from worker.models.outdated import outdated_bases
from worker.models.rebuilding import rebuild_order

router = Router(tags=["images"])


@router.get("images", response=Page[ImageOut], summary="List images, the one pulled last first")
def images(
    request: HttpRequest,
    project: str | None = None,
    registry: str = "",
    repository: str = "",
    tag: str = "",
    digest: str = "",
    platform: Annotated[str, Query(description="os/arch or os/arch/variant.")] = "",
    extracted: bool | None = None,
    q: Annotated[str, Query(description="A part of the registry, repository, tag or digest.")] = "",
    cursor: Cursor = "",
    limit: Limit = 50,
) -> Page[ImageOut]:
    """Members. Filters are exact, save `q`; all that are given must hold."""
    rows = _loaded(Image.objects.filter(project=project_for(caller(request), project)))
    exact = {"registry_host": registry, "repository": repository, "tags__name": tag, "digest": digest}
    rows = rows.filter(**{field: value for field, value in exact.items() if value})
    if platform:
        os, _, rest = platform.partition("/")
        architecture, _, variant = rest.partition("/")
        rows = rows.filter(os=os, architecture=architecture, variant=variant)
    if extracted is not None:
        rows = rows.filter(extracted=extracted)
    if q:
        rows = rows.filter(
            Q(registry_host__icontains=q)
            | Q(repository__icontains=q)
            | Q(tags__name__icontains=q)
            | Q(digest__icontains=q)
        )
    # A subquery instead of DISTINCT: an image has many tags, and rows hold a large JSON column.
    once = _loaded(Image.objects.filter(pk__in=rows.order_by().values("pk")))
    return newest_first(once, "pulled_at", cursor, limit, ImageOut.of)


@router.get("images/{int:id}", response=ImageWithLayersOut, summary="An image and its layers, base first")
def image(request: HttpRequest, id: int) -> ImageWithLayersOut:
    """Members."""
    return ImageWithLayersOut.of(_image(request, id))


@router.delete("images/{int:id}", response={204: None}, summary="Remove an image from its project")
def remove(request: HttpRequest, id: int, every_platform: bool = False) -> Status[None]:
    """Operators. The disk is freed by the next collection of garbage, as far as nothing shares it.

    With `every_platform`, the images of the same index for other platforms go, too.
    """
    services.remove_image(_image(request, id), every_platform=every_platform, by=caller(request))
    return Status(204, None)


@router.get(
    "images/{int:id}/lineage", response=LineageOut, summary="What an image grew out of, and what out of it"
)
def image_lineage(request: HttpRequest, id: int) -> LineageOut:
    """Members. Only images of the same project are looked at."""
    row = _image(request, id)
    candidates = lineage.candidates(row)
    return LineageOut(
        parents=_shown(row.project, [one.image for one in candidates]),
        ambiguous=len(candidates) > 1,
        evidence=[ParentEvidenceOut(image=one.image.pk, evidence=list(one.evidence)) for one in candidates],
        ancestors=_shown(row.project, lineage.ancestors(row)),
        children=_shown(row.project, lineage.children(row)),
        twins=_shown(row.project, lineage.twins(row)),
        siblings=_shown(row.project, lineage.siblings(row)),
        outdated=[OutdatedBaseOut.of(base) for base in outdated_bases(row)],
        rebuild_order=[RebuildStepOut.of(step) for step in rebuild_order(row)],
    )


@router.get(
    "images/{int:id}/referrers",
    response=ReferrersOut,
    summary="Signatures, SBOMs and attestations of an image, as its registry lists them",
)
def image_referrers(request: HttpRequest, id: int) -> ReferrersOut:
    """Members. What was found when it was pulled, or looked for last. Nothing of it is verified."""
    row = _image(request, id)
    return _referrers(row)


@router.post(
    "images/{int:id}/referrers/look",
    response={200: ReferrersOut, **REGISTRY},
    summary="Ask the registry again what refers to an image",
)
def look_for_referrers(request: HttpRequest, id: int) -> ReferrersOut:
    """Operators. The registry gets 20 seconds to answer."""
    row = _image(request, id)
    services.look_for_referrers(row, by=caller(request))
    return _referrers(row)


def _referrers(image: Image) -> ReferrersOut:
    found = [ReferrerOut.of(one.row, image) for one in referring(image).rows]
    return ReferrersOut(items=found, looked_at=image.referrers_at)


def _image(request: HttpRequest, id: int) -> Image:
    return find(_loaded(Image.objects.all()), caller(request), id, "image")


def _loaded(rows: QuerySet[Image]) -> QuerySet[Image]:
    members = Image.objects.only("digest", "os", "architecture", "variant", "index").order_by("pk")
    return rows.select_related("project", "index").prefetch_related(
        "tags", Prefetch("index__images", queryset=members)
    )


def _shown(project: Project, found: Iterable[Image]) -> list[ImageOut]:
    ids = [one.pk for one in found]
    by_id = _loaded(Image.objects.filter(project=project)).in_bulk(ids)
    return [ImageOut.of(by_id[id]) for id in ids]

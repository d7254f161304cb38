"""Packages of images, which images have one, and SBOMs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from ninja import Query, Router

from dashboard.api.auth import caller
from dashboard.api.paging import Limit, start_of
from dashboard.api.schemas.images import ImageOut
from dashboard.api.schemas.packages import (
    FoundVersionOut,
    ImagePackagesOut,
    ImageWithPackagesOut,
    InstalledOut,
    PackageSearchOut,
    SbomFormat,
)
from dashboard.api.scope import find, project_for
from dashboard.queries.package_hits import image_hits
from dashboard.queries.package_search import FoundVersion, PackageQuery, search
from dashboard.queries.packages import PackageFilter
from dashboard.sboms import sbom
from worker.engine.packages import Ecosystem
from worker.models import Image, ImageLayer, Project
from worker.models.packages import packages_of

router = Router(tags=["packages"])

Row = TypeVar("Row")
Offset = Annotated[str, Query(description="`next` of the page before.")]
_LISTED = 200


@router.get(
    "images/{int:id}/packages", response=ImagePackagesOut, summary="Packages installed in an image, by name"
)
def image_packages(
    request: HttpRequest,
    id: int,
    q: Annotated[str, Query(description="A part of the name of a package or its source package.")] = "",
    ecosystem: Ecosystem | None = None,
    layer: Annotated[int | None, Query(ge=0, description="Position of the layer that brought them.")] = None,
    cursor: Offset = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> ImagePackagesOut:
    """Members. They are read soon after an image is extracted: see `state`."""
    image = find(Image.objects.all(), caller(request), id, "image")
    found = packages_of(image)
    wanted = PackageFilter(
        q.strip(), ecosystem.value if ecosystem else "", layer + 1 if layer is not None else 0
    )
    matching = wanted.apply(found.packages)
    shown, following = _page(matching, cursor, limit)
    layers = dict(ImageLayer.objects.filter(image=image).values_list("position", "layer__diff_id"))
    items = [InstalledOut.of(one, layers[one.layer]) for one in shown]
    return ImagePackagesOut.of(found, len(matching), items, following)


@router.get(
    "images/{int:id}/sbom",
    response=Any,
    summary="An image's SBOM, in CycloneDX 1.6 or SPDX 2.3 JSON",
)
def image_sbom(request: HttpRequest, id: int, format: SbomFormat = "cyclonedx") -> HttpResponse:
    """Members. 409 until its packages are read."""
    return sbom(find(Image.objects.select_related("index"), caller(request), id, "image"), format)


@router.get("packages", response=PackageSearchOut, summary="Which images have a package")
def packages(
    request: HttpRequest,
    q: Annotated[
        str, Query(description="A name, exactly or with `*`, and bounds: `openssl < 3.0.11`.", max_length=600)
    ],
    project: str | None = None,
    ecosystem: Ecosystem | None = None,
    source: Annotated[bool, Query(description="Also what was built from a source package of it.")] = False,
    cursor: Offset = "",
    limit: Limit = 50,
) -> PackageSearchOut:
    """Members. Versions are compared by the rules of their ecosystem; images pulled last come first."""
    owner = project_for(caller(request), project)
    query = PackageQuery.parse(q, ecosystem.value if ecosystem else "", source)
    answer = search(owner, query)
    ids, following = _page(list(answer.hits), cursor, limit)
    images = _images(owner, ids)
    return PackageSearchOut(
        total=len(answer.hits),
        unread=answer.unread,
        versions=[_version(found) for found in answer.versions[:_LISTED]],
        incomparable=[f"{one.name} {one.version}" for one in answer.incomparable[:_LISTED]],
        items=[
            ImageWithPackagesOut.of(images[row.image.pk], row)
            for row in image_hits(owner, answer, ids)
            if row.image.pk in images
        ],
        next=following,
    )


def _version(found: FoundVersion) -> FoundVersionOut:
    package = found.package
    return FoundVersionOut(
        ecosystem=Ecosystem(package.ecosystem),
        name=package.name,
        version=package.version,
        architecture=package.architecture or None,
        images=found.images,
    )


def _images(project: Project, ids: Sequence[int]) -> dict[int, ImageOut]:
    members = Image.objects.only("digest", "os", "architecture", "variant", "index").order_by("pk")
    rows = Image.objects.filter(project=project).select_related("project", "index")
    loaded = rows.prefetch_related("tags", Prefetch("index__images", queryset=members)).in_bulk(ids)
    return {pk: ImageOut.of(image) for pk, image in loaded.items()}


def _page(rows: Sequence[Row], cursor: str, limit: int) -> tuple[Sequence[Row], str | None]:
    """Return one page, and the cursor of the next.

    Raises:
        InvalidInput: the cursor was not made by this function.
    """
    start = start_of(cursor)
    end = start + limit
    return rows[start:end], str(end) if end < len(rows) else None

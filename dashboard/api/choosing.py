"""Choose before pulling: tags, platforms, and what a pull would do. The registry is asked while one waits."""

from __future__ import annotations

from typing import Annotated

from django.http import HttpRequest
from ninja import Query, Router

from dashboard.api.auth import caller
from dashboard.api.schemas.choosing import PlatformsOut, PreviewOut, TagsOut
from dashboard.api.schemas.common import REGISTRY
from dashboard.api.schemas.jobs import PullIn
from dashboard.api.scope import project_for
from worker import services

router = Router(tags=["pulls"])

Asked = Annotated[str, Query(min_length=1, max_length=512, examples=["debian:bookworm"])]
Insecure = Annotated[
    bool | None, Query(description="Plain HTTP or unchecked TLS; absent: as the registry's entry says.")
]


@router.get(
    "tags", response={200: TagsOut, **REGISTRY}, summary="List a repository's tags, the newest version first"
)
def tags(
    request: HttpRequest,
    reference: Asked,
    search: Annotated[str, Query(max_length=200, description="Words that are all in a tag.")] = "",
    after: Annotated[str, Query(max_length=128, description="`next` of the page before.")] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    insecure: Insecure = None,
    project: str | None = None,
) -> TagsOut:
    """Operators. A tag or digest in the reference does not matter. The list is kept for a minute."""
    user = caller(request)
    found = services.list_tags(
        project_for(user, project),
        reference,
        search=search,
        after=after,
        limit=limit,
        insecure=insecure,
        by=user,
    )
    return TagsOut.of(found)


@router.get(
    "platforms",
    response={200: PlatformsOut, **REGISTRY},
    summary="List the platforms that a reference has an image for",
)
def platforms(
    request: HttpRequest, reference: Asked, insecure: Insecure = None, project: str | None = None
) -> PlatformsOut:
    """Operators. Attestations and other companions in the index are left out."""
    user = caller(request)
    return PlatformsOut.of(
        services.offered_platforms(project_for(user, project), reference, insecure=insecure, by=user)
    )


@router.post("pulls/preview", response={200: PreviewOut, **REGISTRY}, summary="Tell what a pull would do now")
def preview(request: HttpRequest, given: PullIn) -> PreviewOut:
    """Operators. Takes what `POST pulls` takes, and changes nothing."""
    user = caller(request)
    found = services.preview_pull(
        project_for(user, given.project),
        given.reference,
        platform=given.platform or "",
        platforms=given.platforms,
        insecure=given.insecure,
        fetch_only=given.fetch_only,
        by=user,
    )
    return PreviewOut.of(found)

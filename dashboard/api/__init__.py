"""The API, version 1 (docs: /api/v1/openapi.json). The same services and the same rights as the pages."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, re_path

from dashboard.api import (
    choosing,
    compare,
    containers,
    file,
    files,
    images,
    jobs,
    layers,
    packages,
    projects,
    pulls,
    registries,
    removal,
    schedules,
    search,
    storage,
    weight,
)
from dashboard.api.auth import Bearer
from dashboard.api.errors import in_shape, install, unknown
from dashboard.api.openapi import Described

api = Described(
    title="Strata",
    version="1",
    description=(
        "Pull container images and see them layer by layer. Sizes are bytes, times RFC 3339, digests whole. "
        "Every answer that is not 2xx has the body `{error: {code, message, hint}}`; `code` is stable. "
        "`project` is a slug; without it, a call is about your first project."
    ),
    docs_url=None,
    auth=Bearer(),
    urls_namespace="api",
)
install(api)
for part in (
    pulls,
    choosing,
    jobs,
    removal,
    images,
    files,
    file,
    layers,
    packages,
    compare,
    containers,
    registries,
    schedules,
    projects,
    search,
    storage,
    weight,
):
    api.add_router("", part.router)


def urls() -> tuple[list[URLPattern | URLResolver], str]:
    """Return the API's addresses; whatever is not among them is refused in the API's shape."""
    patterns, _, namespace = api.urls
    known: list[URLPattern | URLResolver] = [*in_shape(patterns), re_path("", unknown)]
    return known, str(namespace)

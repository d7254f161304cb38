"""Search across the files of all images of a project."""

from __future__ import annotations

from typing import Annotated

from django.http import HttpRequest
from ninja import Query, Router

from dashboard.api.auth import caller
from dashboard.api.paging import Cursor
from dashboard.api.schemas.search import SearchOut
from dashboard.api.scope import project_for
from dashboard.queries.file_search import PER_PAGE
from dashboard.queries.file_search import search as search_for
from dashboard.queries.file_search_wish import FileWish
from dashboard.queries.search_index import coverage, stacks_of
from worker import services
from worker.engine.errors import InvalidInput, SearchDamaged
from worker.engine.search import Kind, Mode

router = Router(tags=["files"])


@router.get("search/files", response=SearchOut, summary="Search the files of all images, grouped by content")
def search_files(
    request: HttpRequest,
    project: str | None = None,
    q: Annotated[str, Query(description="A path's part, a pattern or a SHA-256, as `mode` says.")] = "",
    mode: Annotated[Mode, Query(description="A whole SHA-256 is one in the mode `text`, too.")] = Mode.TEXT,
    type: Kind | None = None,
    min_size: Annotated[str, Query(description="Bytes, or with a unit: 20MiB.")] = "",
    max_size: str = "",
    ignore_case: bool = False,
    cursor: Cursor = "",
    limit: Annotated[int, Query(ge=1, le=100)] = PER_PAGE,
) -> SearchOut:
    """Members. Only the layers of the project's images are looked at. Along paths in the order in which they
    first came, or by size, the largest first, if sizes say more."""
    found_in = project_for(caller(request), project)
    wish = FileWish(q, mode, type or "", min_size, max_size, ignore_case, cursor)
    if wish.is_empty:
        raise InvalidInput("Nothing to look for.", hint="Give a part of a path, a size or a type.")
    stacks = stacks_of(found_in)
    try:
        answers = search_for(found_in, stacks, wish.query(), wish.after, limit)
        return SearchOut.of(answers, coverage(stacks))
    except SearchDamaged:
        services.mend_search()
        raise

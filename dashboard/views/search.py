"""Search across the files of all images."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from dashboard.access import Request, get_project
from dashboard.fragments import page_or_part
from dashboard.queries.file_search import search as search_files
from dashboard.queries.file_search_wish import KINDS, MODES, FileWish
from dashboard.queries.search_index import coverage, stacks_of
from worker import services
from worker.engine.errors import InvalidInput, SearchDamaged, StoreError


@require_safe
def search(request: Request, project_slug: str) -> HttpResponse:
    """Members: files by path, content, size and type, in all images of the project."""
    project = get_project(request, project_slug)
    wish = FileWish.read(request.GET)
    stacks = stacks_of(project)
    context: dict[str, Any] = {"wish": wish, "modes": MODES, "kinds": KINDS, "images": len(stacks)}
    try:
        context["coverage"] = coverage(stacks)
        if not wish.is_empty:
            context["answers"] = search_files(project, stacks, wish.query(), wish.after)
    except InvalidInput as error:
        context["error"] = error
    except SearchDamaged as error:
        context |= {"error": error, "mending": services.mend_search()}
    except StoreError as error:
        context["error"] = error
    return page_or_part(request, "search/search.html", "answer", context)

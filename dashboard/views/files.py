"""The Files tab of an image: its merged tree as of any layer."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from dashboard.access import Request, get_project, signed_in
from dashboard.fragments import aims_at
from dashboard.queries.file_trees import FilesNotHere
from dashboard.queries.files import entries_of, found_rows, listing
from dashboard.queries.files_open import Opened, open_files
from dashboard.queries.files_stack import step
from dashboard.queries.files_wish import BITS, CHANGES, TYPES, Wish, read_path
from dashboard.queries.image import get_image, summary
from dashboard.views.image import show_tab

_TEMPLATE = "image/files.html"
_CHOICES = {"change": CHANGES, "type": TYPES, "bits": BITS}


@require_safe
def files(request: Request, project_slug: str, image_id: int) -> HttpResponse:
    """Members: what stands in the image as of one of its layers, directory by directory, or filtered."""
    project = get_project(request, project_slug)
    image = get_image(project, image_id)
    wish = Wish.read(request.GET)
    file_address = reverse("image_file", args=[project.slug, image.pk]) + "?path="
    opened = open_files(image, wish, file_address, signed_in(request))
    part = _part(request) if isinstance(opened, Opened) else "whole"
    if isinstance(opened, Opened) and part == "rows":
        return _answer(request, "rows", {"listing": {"rows": _rows(request, opened)}})
    context = _context(opened)
    status = 422 if isinstance(opened, Opened) and context["listing"].problem else 200
    if not request.htmx:
        return show_tab(request, summary(project, image), "files", context, status=status)
    response = _answer(request, part, context | {"image": image}, status=status)
    if isinstance(opened, Opened) and part == "list":
        # As one would write it: without empty fields, and with the real path where a link led.
        response["HX-Push-Url"] = request.path + (opened.wish.address().rstrip("?"))
    return response


def _part(request: Request) -> str:
    if "under" in request.GET or "rows" in request.GET:
        return "rows"
    return "whole" if aims_at(request, "files") else "list"


def _rows(request: Request, opened: Opened) -> Any:
    if "under" in request.GET:
        return entries_of(opened.maker, read_path(request.GET["under"]), opened.wish.start)
    return found_rows(opened.maker, before=False)


def _context(opened: Opened | FilesNotHere) -> dict[str, Any]:
    if isinstance(opened, FilesNotHere):
        return {"not_here": opened}
    return {
        "wish": opened.wish,
        "step": step(opened.stack, opened.wish, opened.view.top, opened.view.changes()),
        "listing": listing(opened),
        "choices": _CHOICES,
    }


def _answer(request: Request, part: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    response = render(request, f"{_TEMPLATE}#{part}", context, status=status)
    patch_vary_headers(response, ["HX-Request", "HX-Target"])
    return response

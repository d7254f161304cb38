"""One address serves a page and its parts: ``pages/list.html`` whole, ``pages/list.html#rows`` to htmx."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.cache import patch_vary_headers

from dashboard.access import Request


def page_or_part(
    request: Request, template: str, part: str, context: Mapping[str, Any], *, status: int | None = None
) -> HttpResponse:
    """Render ``template`` whole, or only its partial ``part`` when htmx asks.

    A part carries the address to show without the empty fields of a filter form, so that what the address
    bar holds can be shared.
    """
    wanted = f"{template}#{part}" if request.htmx else template
    response = render(request, wanted, dict(context), status=status)
    patch_vary_headers(response, ["HX-Request", "HX-Target"])
    if request.htmx and request.method == "GET" and "HX-Push-Url" not in response:
        query = filled(request.GET)
        if len(query) != len(request.GET):
            response["HX-Push-Url"] = f"{request.path}?{query.urlencode()}" if query else request.path
    return response


def aims_at(request: Request, id: str) -> bool:
    """Whether htmx asks for what takes the place of the element with this id."""
    return str(request.htmx.target or "").rpartition("#")[2] == id


def filled(query: QueryDict) -> QueryDict:
    """Return ``query`` without the fields that hold nothing."""
    copy = query.copy()
    for name in [name for name, values in query.lists() if not any(values)]:
        del copy[name]
    return copy

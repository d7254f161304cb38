"""The pages of what went wrong outside of our own errors."""

from __future__ import annotations

import logging

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from dashboard.middleware import error_page

log = logging.getLogger(__name__)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return error_page(
        request,
        400,
        "Not understood",
        "The browser sent something that this page cannot read.",
        "Go back and try again.",
    )


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return error_page(
        request, 403, "Not allowed", "You may not do this.", "Ask an admin of the project for a higher role."
    )


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return error_page(
        request,
        404,
        "Not found",
        "There is nothing at this address.",
        "Check the address; it may have been removed.",
    )


def server_error(request: HttpRequest) -> HttpResponse:
    """The last page: when even the frame cannot be drawn, say the same without it."""
    said = (
        "Something went wrong",
        "This page failed; the fault is ours, not yours.",
        "Try again; if it happens again, report it with the time and the address.",
    )
    try:
        return error_page(request, 500, *said)
    except Exception:
        log.exception("The page that reports an error failed")
        title, message, hint = said
        return HttpResponse(
            render_to_string("errors/bare.html", {"title": title, "message": message, "hint": hint}),
            status=500,
        )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return error_page(
        request,
        403,
        "This form is out of date",
        "The form was opened in an earlier session, or cookies are blocked.",
        "Go back, reload the page and send the form again.",
    )

"""What every answer carries, and the one place where errors become pages."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from dashboard.access import SignInNeeded
from dashboard.messages import status_of, title_of
from worker.engine.errors import StrataError

POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)

_API = "/api/"

Handler = Callable[[HttpRequest], HttpResponse]


def security_headers(get_response: Handler) -> Handler:
    """Send a Content-Security-Policy that allows nothing inline and nothing from elsewhere; keep nothing.

    All that Django answers is for the one who asked: after signing out, going back must not show it.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        response.headers.setdefault("Cache-Control", "private, no-store")
        return response

    return middleware


class ErrorPages:
    """Turn what a view raises into an answer: our errors into pages with a next step, strangers to sign-in.

    htmx gets a notice for the place of messages instead of a page inside a page.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if holds_nul(request) and not request.path.startswith(_API):
            return error_page(
                request, 400, "Not understood", "The address holds a NUL character.", "Leave it out: %00."
            )
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, SignInNeeded):
            return _to_sign_in(request)
        if isinstance(error, StrataError):
            return error_page(request, status_of(error), title_of(error), error.message, error.hint)
        return None


def holds_nul(request: HttpRequest) -> bool:
    """Whether the address holds a character that no text in a database can (the API answers for itself)."""
    return "\0" in request.path or "%00" in request.META.get("QUERY_STRING", "")


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    address = reverse("sign_in")
    if request.headers.get("HX-Request"):
        response = HttpResponse(status=204)
        response["HX-Redirect"] = address
        return response
    if request.method == "GET":
        address += "?" + urlencode({"next": request.get_full_path()})
    return redirect(address)


def error_page(request: HttpRequest, status: int, title: str, message: str, hint: str) -> HttpResponse:
    """Answer with an error in the design: a whole page, or a notice for htmx."""
    context = {"status": status, "title": title, "message": message, "hint": hint}
    if request.headers.get("HX-Request"):
        response = render(request, "errors/error.html#notice", context, status=status)
        response["HX-Retarget"] = "#messages"
        response["HX-Reswap"] = "innerHTML"
        return response
    return render(request, "errors/error.html", context, status=status)

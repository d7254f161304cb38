"""Every refusal in one shape: ``{"error": {"code", "message", "hint"}}``."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, URLResolver
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from dashboard.messages import status_of
from dashboard.middleware import holds_nul
from worker.engine.errors import ContainerStateError, LayerMissing, StrataError

log = logging.getLogger(__name__)

_HINTS = {
    HTTPStatus.NOT_FOUND: "Check the address; /api/v1/openapi.json lists all of them.",
    HTTPStatus.METHOD_NOT_ALLOWED: "See /api/v1/openapi.json for what this address takes.",
}


def refusal(status: int, code: str, message: str, hint: str) -> JsonResponse:
    """Return a refusal as an answer."""
    return JsonResponse({"error": {"code": code, "message": message, "hint": hint}}, status=status)


def install(api: NinjaAPI) -> None:
    """Make ``api`` answer whatever is raised in our shape."""
    api.add_exception_handler(StrataError, _strata_error)
    api.add_exception_handler(AuthenticationError, _unauthorized)
    api.add_exception_handler(ValidationError, _invalid)
    api.add_exception_handler(HttpError, _http_error)
    api.add_exception_handler(
        Http404, lambda request, error: _plain(HTTPStatus.NOT_FOUND, "There is no such thing.")
    )
    api.add_exception_handler(Exception, _unexpected)


def in_shape(patterns: Iterable[URLPattern | URLResolver]) -> list[URLPattern]:
    """Return ``patterns`` with answers to a wrong verb in our shape: ninja's own are plain text.

    Ninja's root is only a name for it to reverse; nothing is there.
    """
    return [
        URLPattern(
            one.pattern,
            unknown if one.name == "api-root" else _shaped(one.callback),
            one.default_args,
            one.name,
        )
        for one in patterns
        if isinstance(one, URLPattern)
    ]


def unknown(request: HttpRequest) -> HttpResponse:
    """Answer an address that the API does not have."""
    return _plain(HTTPStatus.NOT_FOUND, f"There is nothing at {request.path}.")


def _shaped(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    @functools.wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if holds_nul(request):
            return refusal(422, "invalid_input", "The address holds a NUL character.", "Leave it out: %00.")
        response = view(request, *args, **kwargs)
        if response.status_code != HTTPStatus.METHOD_NOT_ALLOWED:
            return response
        shaped = _plain(HTTPStatus.METHOD_NOT_ALLOWED, f"{request.method} is not possible here.")
        shaped["Allow"] = response["Allow"]
        return shaped

    return answer


def _plain(status: HTTPStatus, message: str) -> JsonResponse:
    hint = _HINTS.get(status, "Correct the request and try again.")
    return refusal(status, status.name.lower(), message, hint)


def _strata_error(request: HttpRequest, error: Any) -> HttpResponse:
    # What a container's or layer's present state forbids is a clash, no failure of runtime or disk.
    clash = isinstance(error, (ContainerStateError, LayerMissing))
    return refusal(HTTPStatus.CONFLICT if clash else status_of(error), error.code, error.message, error.hint)


def _unauthorized(request: HttpRequest, error: Any) -> HttpResponse:
    response = refusal(
        HTTPStatus.UNAUTHORIZED,
        "unauthorized",
        "This needs a valid API token.",
        "Send it as: Authorization: Bearer TOKEN.",
    )
    response["WWW-Authenticate"] = "Bearer"
    return response


def _invalid(request: HttpRequest, error: Any) -> HttpResponse:
    """Name the first field that is wrong, and how."""
    first = error.errors[0]
    where = [str(part) for part in first["loc"] if part not in ("body", "query", "path", "data")]
    # ninja puts the name of our function's argument in between; it says nothing to a caller.
    field = ".".join(where[1:] if len(where) > 1 and where[0] == "given" else where)
    what = first["msg"].removeprefix("Value error, ").rstrip(".")
    message = f"{field}: {what}." if field and field != "given" else f"{what}."
    return refusal(
        HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_input", message, "Correct the input and try again."
    )


def _http_error(request: HttpRequest, error: Any) -> HttpResponse:
    return _plain(HTTPStatus(error.status_code), f"{str(error).rstrip('.')}.")


def _unexpected(request: HttpRequest, error: Any) -> HttpResponse:
    # The boundary of the API: a program gets a sentence, the log gets the traceback.
    log.error("The API failed at %s %s", request.method, request.path, exc_info=error)
    return refusal(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        StrataError.code,
        "Something went wrong here.",
        "Look at the web server's log; if it happens again, report it.",
    )

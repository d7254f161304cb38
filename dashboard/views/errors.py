"""To be written."""

from typing import Any

from django.http import HttpRequest, HttpResponse


def bad_request(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("errors.bad_request is not written yet", status=501)


def forbidden(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("errors.forbidden is not written yet", status=501)


def not_found(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("errors.not_found is not written yet", status=501)


def server_error(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("errors.server_error is not written yet", status=501)

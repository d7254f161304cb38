"""To be written."""

from typing import Any

from django.http import HttpRequest, HttpResponse


def sign_in(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("signing.sign_in is not written yet", status=501)


def sign_out(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("signing.sign_out is not written yet", status=501)

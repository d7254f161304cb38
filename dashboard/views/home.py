"""To be written."""

from typing import Any

from django.http import HttpRequest, HttpResponse


def home(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("home.home is not written yet", status=501)


def shortcut(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("home.shortcut is not written yet", status=501)

"""To be written."""

from typing import Any

from django.http import HttpRequest, HttpResponse


def registries(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("registries.registries is not written yet", status=501)


def new(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("registries.new is not written yet", status=501)


def edit(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("registries.edit is not written yet", status=501)


def test(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("registries.test is not written yet", status=501)


def remove(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("registries.remove is not written yet", status=501)

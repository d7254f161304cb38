"""To be written."""

from typing import Any

from django.http import HttpRequest, HttpResponse


def layers(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("image.layers is not written yet", status=501)


def lineage(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("image.lineage is not written yet", status=501)


def config(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("image.config is not written yet", status=501)


def tags(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("image.tags is not written yet", status=501)


def containers(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("image.containers is not written yet", status=501)


def extract(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("image.extract is not written yet", status=501)

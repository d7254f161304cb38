"""To be written."""

from typing import Any

from django.http import HttpRequest, HttpResponse


def containers(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("containers.containers is not written yet", status=501)


def new(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("containers.new is not written yet", status=501)


def container(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("containers.container is not written yet", status=501)


def changes(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("containers.changes is not written yet", status=501)


def start(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("containers.start is not written yet", status=501)


def stop(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("containers.stop is not written yet", status=501)


def remove(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("containers.remove is not written yet", status=501)

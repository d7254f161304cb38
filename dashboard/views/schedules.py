"""To be written."""

from typing import Any

from django.http import HttpRequest, HttpResponse


def schedules(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("schedules.schedules is not written yet", status=501)


def new(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("schedules.new is not written yet", status=501)


def edit(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("schedules.edit is not written yet", status=501)


def switch(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("schedules.switch is not written yet", status=501)


def run(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("schedules.run is not written yet", status=501)


def remove(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("schedules.remove is not written yet", status=501)

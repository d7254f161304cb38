"""To be written."""

from typing import Any

from django.http import HttpRequest, HttpResponse


def members(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("members.members is not written yet", status=501)


def change(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("members.change is not written yet", status=501)


def remove(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("members.remove is not written yet", status=501)


def new_project(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("members.new_project is not written yet", status=501)

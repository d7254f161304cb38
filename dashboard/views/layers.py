"""To be written."""

from typing import Any

from django.http import HttpRequest, HttpResponse


def layers(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("layers.layers is not written yet", status=501)


def layer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("layers.layer is not written yet", status=501)

"""To be written."""

from typing import Any

from django.http import HttpRequest, HttpResponse


def images(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("images.images is not written yet", status=501)

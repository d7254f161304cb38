"""To be written."""

from typing import Any

from django.http import HttpRequest, HttpResponse


def overview(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("overview.overview is not written yet", status=501)

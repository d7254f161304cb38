"""To be written."""

from typing import Any

from django.http import HttpRequest, HttpResponse


def healthz(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("health.healthz is not written yet", status=501)

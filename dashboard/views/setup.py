"""To be written."""

from typing import Any

from django.http import HttpRequest, HttpResponse


def setup(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("setup.setup is not written yet", status=501)

"""To be written."""

from typing import Any

from django.http import HttpRequest, HttpResponse


def pull(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("pulls.pull is not written yet", status=501)

"""To be written."""

from typing import Any

from django.http import HttpRequest, HttpResponse


def lineage(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("lineage.lineage is not written yet", status=501)

"""Our addresses, and ``/raise/<class>`` that raises: for the tests of error pages."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path

from dashboard.urls import handler400, handler403, handler404, handler500
from dashboard.urls import urlpatterns as ours
from worker.engine import errors

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]


def _raise(request: HttpRequest, name: str) -> HttpResponse:
    if name == "Crash":
        raise RuntimeError("a fault of ours, with a secret")
    raise getattr(errors, name)("It happened <here>.")


urlpatterns = [path("raise/<str:name>", _raise), *ours]

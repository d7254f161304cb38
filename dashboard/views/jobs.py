"""To be written."""

from typing import Any

from django.http import HttpRequest, HttpResponse


def jobs(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("jobs.jobs is not written yet", status=501)


def job(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("jobs.job is not written yet", status=501)


def cancel(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("jobs.cancel is not written yet", status=501)


def retry(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("jobs.retry is not written yet", status=501)

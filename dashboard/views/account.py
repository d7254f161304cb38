"""To be written."""

from typing import Any

from django.http import HttpRequest, HttpResponse


def account(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("account.account is not written yet", status=501)


def password(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("account.password is not written yet", status=501)


def theme(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("account.theme is not written yet", status=501)


def issue_token(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("account.issue_token is not written yet", status=501)


def revoke_token(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    return HttpResponse("account.revoke_token is not written yet", status=501)

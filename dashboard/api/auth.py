"""Who calls: a bearer token, and nothing else.

No cookie is looked at, so a page elsewhere cannot make a browser call the API in somebody's name.
"""

from __future__ import annotations

from typing import cast

from django.contrib.auth.models import User
from django.http import HttpRequest
from ninja.security import HttpBearer

from worker.services import user_of_token


class Bearer(HttpBearer):
    """``Authorization: Bearer TOKEN``; a token acts as its user."""

    def authenticate(self, request: HttpRequest, token: str) -> User | None:
        return user_of_token(token)


def caller(request: HttpRequest) -> User:
    """Return whom the token of ``request`` acts as."""
    return cast(User, request.auth)  # type: ignore[attr-defined]

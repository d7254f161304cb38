"""Who may pass a page's door: the same three questions, asked of every address."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client

from tests.conftest import Users
from worker.models import Role


def client_of(user: User) -> Client:
    """Return a browser in which ``user`` is signed in."""
    client = Client()
    client.force_login(user)
    return client


def knock(user: User | None, method: str, address: str, **data: str) -> HttpResponse:
    """Ask as ``user`` (None: as nobody)."""
    client = Client() if user is None else client_of(user)
    answer: HttpResponse = getattr(client, method)(address, data)
    return answer


def assert_door(users: Users, method: str, address: str, *, needs: Role, **data: str) -> None:
    """Nobody is led to the sign-in, a stranger finds nothing, every role below ``needs`` is refused."""
    nobody = knock(None, method, address, **data)
    assert nobody.status_code == 302
    assert "/sign-in/" in nobody["Location"]
    assert knock(users.stranger, method, address, **data).status_code == 404
    for role, user in ((Role.VIEWER, users.viewer), (Role.OPERATOR, users.operator)):
        if not role.covers(needs):
            assert knock(user, method, address, **data).status_code == 403, role


def assert_verbs(user: User, address: str, *, refused: str) -> None:
    """The verbs in ``refused`` (words) are answered by 405."""
    for verb in refused.split():
        assert knock(user, verb, address).status_code == 405, verb

"""One's own account."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from tests.conftest import Users
from tests.dashboard.doors import client_of
from worker.models import ApiToken
from worker.services import issue_token, user_of_token

CHANGE = {"current": "password of viewer", "new": "a much better one"}


def test_the_page_shows_oneself(users: Users) -> None:
    response = client_of(users.viewer).get("/account/")
    assert response.status_code == 200
    assert b"viewer" in response.content


@pytest.mark.parametrize(
    ("verb", "address"),
    [
        ("get", "/account/"),
        ("post", "/account/password/"),
        ("post", "/account/tokens/"),
        ("post", "/account/tokens/1/revoke/"),
    ],
)
def test_nobody_in_particular_is_led_to_sign_in(
    users: Users, client: Client, verb: str, address: str
) -> None:
    assert getattr(client, verb)(address)["Location"].startswith("/sign-in/")


@pytest.mark.parametrize(
    ("verb", "address"),
    [
        ("post", "/account/"),
        ("get", "/account/password/"),
        ("get", "/account/theme/"),
        ("get", "/account/tokens/"),
        ("get", "/account/tokens/1/revoke/"),
    ],
)
def test_other_verbs_are_refused(users: Users, verb: str, address: str) -> None:
    assert getattr(client_of(users.viewer), verb)(address).status_code == 405


def test_the_password_changes_and_this_session_goes_on_while_others_end(users: Users) -> None:
    here, elsewhere = client_of(users.viewer), client_of(users.viewer)
    assert here.post("/account/password/", CHANGE)["Location"] == "/account/"
    users.viewer.refresh_from_db()
    assert users.viewer.check_password(CHANGE["new"])
    assert here.get("/account/").status_code == 200
    assert elsewhere.get("/account/").status_code == 302


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"current": "wrong"}, "not your current password"),
        ({"new": "viewer"}, "too short"),
        ({"new": "12345678901"}, "entirely numeric"),
        ({"new": ""}, "required"),
    ],
)
def test_a_refused_password_is_explained_and_changes_nothing(
    users: Users, change: dict[str, str], said: str
) -> None:
    response = client_of(users.viewer).post("/account/password/", CHANGE | change)
    assert response.status_code == 422
    assert said in response.content.decode()
    users.viewer.refresh_from_db()
    assert users.viewer.check_password(CHANGE["current"])


def test_a_token_is_shown_once_and_works(users: Users) -> None:
    client = client_of(users.viewer)
    response = client.post("/account/tokens/", {"name": "ci"})
    tokens = re.findall(r"<code>(strata_[\w-]{20,})</code>", response.content.decode())
    assert len(tokens) == 1
    assert user_of_token(tokens[0]) == users.viewer
    assert tokens[0] not in client.get("/account/").content.decode()
    assert "no-store" in response["Cache-Control"]


def test_a_token_needs_a_name(users: Users) -> None:
    assert client_of(users.viewer).post("/account/tokens/", {"name": " "}).status_code == 422
    assert not ApiToken.objects.exists()


def test_a_token_is_revoked_at_once(users: Users) -> None:
    row, token = issue_token(users.viewer, "ci")
    assert client_of(users.viewer).post(f"/account/tokens/{row.pk}/revoke/")["Location"] == "/account/"
    assert user_of_token(token) is None


def test_the_tokens_of_others_do_not_exist(users: Users) -> None:
    row, token = issue_token(users.viewer, "ci")
    for other in (users.stranger, users.admin, users.superuser):
        assert client_of(other).post(f"/account/tokens/{row.pk}/revoke/").status_code == 404
    assert user_of_token(token) == users.viewer


@pytest.mark.django_db
def test_colours_are_kept_in_a_cookie_also_before_sign_in(client: Client) -> None:
    response = client.post("/account/theme/", {"theme": "dark", "next": "/healthz"})
    assert response["Location"] == "/healthz"
    assert response.cookies["theme"]["httponly"]
    client.post("/account/theme/", {"theme": "dark"})
    assert b'<html lang="en" data-theme="dark">' in client.get("/nowhere").content
    client.post("/account/theme/", {"theme": "system"})
    assert b'<html lang="en">' in client.get("/nowhere").content


@pytest.mark.django_db
def test_other_colours_are_refused(client: Client) -> None:
    assert client.post("/account/theme/", {"theme": "<pink>"}).status_code == 422
    client.cookies["theme"] = '"><script>'
    assert b"<script>" not in client.get("/nowhere").content

"""Sign in and out."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.test import Client

from dashboard.throttle import LIMITS, Attempt
from tests.conftest import Users
from tests.dashboard.doors import client_of

VIEWER = {"username": "viewer", "password": "password of viewer"}


def is_signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def test_name_and_password_sign_in(users: Users, client: Client) -> None:
    response = client.post("/sign-in/", VIEWER)
    assert response["Location"] == "/"
    assert is_signed_in(client)


def test_it_leads_back_to_where_one_wanted_to_go(users: Users, client: Client) -> None:
    page = client.get("/sign-in/?next=/p/team/images/%3Fq=php")
    assert 'name="next" value="/p/team/images/?q=php"' in page.content.decode()
    response = client.post("/sign-in/", VIEWER | {"next": "/p/team/images/?q=php"})
    assert response["Location"] == "/p/team/images/?q=php"


@pytest.mark.parametrize(
    "place", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "\\\\evil"]
)
def test_it_never_leads_elsewhere(users: Users, client: Client, place: str) -> None:
    assert client.post("/sign-in/", VIEWER | {"next": place})["Location"] == "/"


def test_a_wrong_password_and_an_unknown_name_look_the_same(users: Users, client: Client) -> None:
    wrong = client.post("/sign-in/", VIEWER | {"password": "no"})
    unknown = client.post("/sign-in/", {"username": "nobody", "password": "no"})
    said = b"This user name and password do not belong together."
    assert wrong.status_code == unknown.status_code == 422
    assert said in wrong.content
    assert said in unknown.content


def test_a_switched_off_account_cannot_sign_in(users: Users, client: Client) -> None:
    users.viewer.is_active = False
    users.viewer.save()
    assert client.post("/sign-in/", VIEWER).status_code == 422


def test_who_guesses_is_stopped_even_with_the_right_password(users: Users, client: Client) -> None:
    for _ in range(LIMITS["name and address"]):
        assert client.post("/sign-in/", VIEWER | {"password": "guess"}).status_code == 422
    response = client.post("/sign-in/", VIEWER)
    assert response.status_code == 429
    assert b"Wait 15 minutes" in response.content
    assert not is_signed_in(client)


def test_others_at_the_same_address_can_still_sign_in(users: Users, client: Client) -> None:
    for _ in range(LIMITS["name and address"]):
        client.post("/sign-in/", VIEWER | {"password": "guess"})
    operator = {"username": "operator", "password": "password of operator"}
    assert client.post("/sign-in/", operator).status_code == 302


def test_the_same_person_elsewhere_can_still_sign_in(users: Users, client: Client) -> None:
    for _ in range(LIMITS["name and address"]):
        client.post("/sign-in/", VIEWER | {"password": "guess"})
    assert client.post("/sign-in/", VIEWER, REMOTE_ADDR="192.0.2.7").status_code == 302


def test_success_forgets_the_failures_before(users: Users, client: Client) -> None:
    for _ in range(LIMITS["name and address"] - 1):
        client.post("/sign-in/", VIEWER | {"password": "typo"})
    client.post("/sign-in/", VIEWER)
    assert not Attempt("viewer", "127.0.0.1").is_blocked()
    Attempt("viewer", "127.0.0.1").failed()
    assert not Attempt("viewer", "127.0.0.1").is_blocked()


def test_many_addresses_guessing_one_name_are_stopped() -> None:
    for number in range(LIMITS["name"]):
        Attempt("root", f"198.51.100.{number}").failed()
    assert Attempt("ROOT", "203.0.113.1").is_blocked()
    assert not Attempt("other", "203.0.113.1").is_blocked()


def test_the_counters_hold_no_names() -> None:
    Attempt("somebody", "203.0.113.1").failed()
    assert not any("somebody" in key for key in cache._cache)  # type: ignore[attr-defined]


def test_who_is_signed_in_already_goes_on(users: Users) -> None:
    assert client_of(users.viewer).get("/sign-in/?next=/account/")["Location"] == "/account/"


def test_sign_out_ends_the_session(users: Users) -> None:
    client = client_of(users.viewer)
    assert client.post("/sign-out/")["Location"] == "/sign-in/"
    assert not is_signed_in(client)


def test_sign_out_by_link_is_refused(users: Users) -> None:
    """Else any page on the web could sign people out."""
    assert client_of(users.viewer).get("/sign-out/").status_code == 405


@pytest.mark.django_db
@pytest.mark.parametrize("verb", ["put", "delete", "patch"])
def test_other_verbs_are_refused(client: Client, verb: str) -> None:
    assert getattr(client, verb)("/sign-in/").status_code == 405

"""What goes wrong, said in the design, with a next step and the right status."""

from __future__ import annotations

import pytest
from django.db import OperationalError
from django.test import Client, RequestFactory
from pytest_django import Settings

from dashboard.messages import status_of, title_of
from dashboard.middleware import POLICY
from dashboard.views import errors as pages
from tests.conftest import Users
from tests.dashboard.doors import client_of
from worker.engine import errors

CLASSES = [
    value
    for value in vars(errors).values()
    if isinstance(value, type) and issubclass(value, errors.StrataError)
]


@pytest.fixture
def raising(settings: Settings) -> None:
    """Adds ``/raise/<class>``."""
    settings.ROOT_URLCONF = "tests.dashboard.raising_urls"


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_every_error_has_a_status_and_a_title(kind: type[errors.StrataError]) -> None:
    error = kind("x")
    assert 400 <= status_of(error) < 600
    assert title_of(error)


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("NotFound", 404),
        ("NotAllowed", 403),
        ("InvalidReference", 422),
        ("Conflict", 409),
        ("RegistryTimeout", 502),
        ("DiskFull", 507),
    ],
)
@pytest.mark.django_db
def test_an_error_becomes_a_page_with_sentence_and_next_step(
    raising: None, client: Client, name: str, status: int
) -> None:
    response = client.get(f"/raise/{name}")
    assert response.status_code == status
    text = response.content.decode()
    assert "It happened &lt;here&gt;." in text
    assert getattr(errors, name).default_hint[:20] in text
    assert "<html" in text


@pytest.mark.django_db
def test_for_htmx_an_error_is_a_notice_at_the_place_of_messages(raising: None, client: Client) -> None:
    response = client.get("/raise/Conflict", headers={"HX-Request": "true"})
    assert (response.status_code, response["HX-Retarget"]) == (409, "#messages")
    assert b"<html" not in response.content
    assert b"It happened" in response.content


@pytest.mark.django_db
def test_a_fault_of_ours_shows_no_inside(raising: None) -> None:
    response = Client(raise_request_exception=False).get("/raise/Crash")
    assert response.status_code == 500
    assert b"secret" not in response.content
    assert b"the fault is ours" in response.content


@pytest.mark.django_db
def test_an_unknown_address_is_a_page_of_ours(users: Users) -> None:
    response = client_of(users.viewer).get("/nowhere")
    assert response.status_code == 404
    assert b"There is nothing at this address" in response.content
    assert b'href="/p/team/"' in response.content


def test_a_fault_is_said_even_when_the_database_is_down(rf: RequestFactory) -> None:
    """The frame asks the database, so a page without the frame stands in for it."""

    class Down:
        def __getattr__(self, name: str) -> object:
            raise OperationalError("the database is gone")

    request = rf.get("/")
    request.user = Down()  # type: ignore[assignment]
    response = pages.server_error(request)
    assert response.status_code == 500
    assert b"the fault is ours" in response.content


@pytest.mark.django_db
def test_a_form_without_its_token_is_explained() -> None:
    response = Client(enforce_csrf_checks=True).post("/sign-in/", {"username": "a", "password": "b"})
    assert response.status_code == 403
    assert b"This form is out of date" in response.content


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/sign-in/", "/healthz", "/nowhere", "/p/team/", "/static/none"])
def test_every_answer_carries_the_strict_policy(client: Client, address: str) -> None:
    response = client.get(address)
    assert response["Content-Security-Policy"] == POLICY
    assert "unsafe" not in POLICY
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["X-Frame-Options"] == "DENY"

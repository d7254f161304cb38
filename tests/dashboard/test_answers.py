"""What holds for every answer: nothing private stays in a browser, and a NUL is no reason to fail."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.conftest import Users
from tests.dashboard.doors import client_of
from worker.services import issue_token


@pytest.mark.parametrize(
    "address", ["/", "/p/team/", "/p/team/images/", "/p/team/members/", "/p/team/registries/", "/p/none/"]
)
def test_a_page_is_not_there_any_more_after_signing_out(users: Users, address: str) -> None:
    """Or the next one at the browser would see it by going back."""
    assert "no-store" in client_of(users.admin).get(address)["Cache-Control"]


def test_an_answer_of_the_api_is_not_kept(users: Users, client: Client) -> None:
    _, token = issue_token(users.viewer)
    answer = client.get("/api/v1/images", headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.parametrize(
    "address",
    [
        "images/?q=%00", "images/?registry=a%00", "layers/?q=%00", "layers/sha256:%00/", "containers/?q=%00",
        "containers/?state=%00", "containers/new/?q=%00", "jobs/?q=%00", "jobs/?kind=%00", "lineage/?q=%00",
    ],
)  # fmt: skip
def test_a_nul_in_an_address_is_not_understood(users: Users, address: str) -> None:
    """PostgreSQL's text holds none, and refuses a question that does."""
    assert client_of(users.admin).get(f"/p/team/{address}").status_code in (400, 404)


@pytest.mark.parametrize(
    "address", ["images?q=%00", "images?project=%00", "jobs?q=%00", "containers?q=%00", "layers?q=%00"]
)
def test_a_nul_in_a_question_to_the_api_is_refused_in_its_shape(
    users: Users, client: Client, address: str
) -> None:
    _, token = issue_token(users.admin)
    answer = client.get(f"/api/v1/{address}", headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "invalid_input"


@pytest.mark.parametrize(
    ("address", "body"),
    [
        ("pulls", {"reference": "a", "project": "\0"}),
        ("containers", {"image": "sha256:\0"}),
        ("registries", {"host": "r.example", "username": "a\0", "password": "b"}),
        ("schedules", {"reference": "a", "cron": "* * * * *", "timezone": "UTC\0"}),
        ("registries", {"host": "r.example", "username": "\ud800", "password": "b"}),
    ],
)
def test_what_no_text_can_hold_is_refused_in_a_body(
    users: Users, client: Client, address: str, body: dict[str, str]
) -> None:
    _, token = issue_token(users.admin)
    answer = client.post(
        f"/api/v1/{address}", body, "application/json", headers={"authorization": f"Bearer {token}"}
    )
    assert answer.status_code == 422
    assert answer.json()["error"]["code"].startswith("invalid")

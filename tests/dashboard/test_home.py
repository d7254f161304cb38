"""The ways in."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.conftest import Users
from tests.dashboard.doors import client_of
from worker.models import Membership, Project


def test_home_leads_to_the_project_used_last(users: Users) -> None:
    other = Project.objects.create(slug="aa", name="Aa")
    Membership.objects.create(project=other, user=users.viewer)
    client = client_of(users.viewer)
    assert client.get("/")["Location"] == "/p/aa/"
    client.get("/p/team/images/")
    assert client.get("/")["Location"] == "/p/team/"


def test_home_leads_a_visitor_to_sign_in(users: Users, client: Client) -> None:
    assert client.get("/")["Location"] == "/sign-in/"


def test_who_belongs_to_no_project_is_told_what_to_do(users: Users) -> None:
    response = client_of(users.stranger).get("/")
    assert response.status_code == 200
    assert b"You belong to no project yet" in response.content
    assert b"stranger" in response.content


@pytest.mark.parametrize(
    "page", ["images/", "layers/", "packages/", "compare/", "jobs/7/", "images/?q=php&sort=name"]
)
def test_a_short_address_leads_into_the_project_used_last(users: Users, page: str) -> None:
    assert client_of(users.viewer).get(f"/{page}")["Location"] == f"/p/team/{page}"


def test_a_short_address_needs_someone_and_a_project(users: Users, client: Client) -> None:
    assert client.get("/images/")["Location"] == "/sign-in/?next=%2Fimages%2F"
    assert client_of(users.stranger).get("/images/").status_code == 404


@pytest.mark.parametrize("address", ["/", "/images/"])
def test_the_ways_in_are_only_read(users: Users, address: str) -> None:
    assert client_of(users.viewer).post(address).status_code == 405

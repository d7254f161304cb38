"""The first visit."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from worker.models import Membership, Project, Role

GOOD = {"username": "ada", "password": "analytical engine 1843", "project_name": "Engines"}


@pytest.mark.django_db
def test_the_first_visit_leads_to_the_set_up(client: Client) -> None:
    assert client.get("/")["Location"] == "/setup/"
    assert client.get("/sign-in/")["Location"] == "/setup/"
    assert client.get("/setup/").status_code == 200


@pytest.mark.django_db
def test_it_makes_the_administrator_and_the_project_and_signs_in(client: Client) -> None:
    response = client.post("/setup/", GOOD, follow=True)
    assert response.redirect_chain[-1][0] == f"/p/{Project.objects.get().slug}/"
    user = User.objects.get()
    assert user.is_superuser
    assert user.check_password(GOOD["password"])
    assert Project.objects.get().name == "Engines"
    assert Membership.objects.get().role == Role.ADMIN
    assert b"You are the administrator" in response.content


@pytest.mark.django_db
def test_once_there_is_an_administrator_it_is_over(client: Client) -> None:
    client.post("/setup/", GOOD)
    late = Client()
    assert late.get("/setup/")["Location"] == "/"
    assert late.post("/setup/", GOOD | {"username": "eve"})["Location"] == "/"
    assert not User.objects.filter(username="eve").exists()


@pytest.mark.django_db
def test_of_two_who_set_up_at_once_the_second_is_told(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both passed the view's first look; the service looks again, under a lock."""
    client.post("/setup/", GOOD)
    monkeypatch.setattr("dashboard.views.setup.setup_needed", lambda: True)
    response = Client().post("/setup/", GOOD | {"username": "eve"}, follow=True)
    assert response.redirect_chain[0][0] == "/sign-in/"
    assert b"has an administrator already" in response.content
    assert User.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"username": "a b"}, "cannot be a user name"),
        ({"username": ""}, "required"),
        ({"password": "12345678"}, "entirely numeric"),
        ({"password": "short"}, "too short"),
        ({"password": "password"}, "too common"),
        ({"project_name": ""}, "required"),
    ],
)
def test_bad_input_is_explained_and_makes_nothing(client: Client, change: dict[str, str], said: str) -> None:
    response = client.post("/setup/", GOOD | change)
    assert response.status_code == 422
    assert said in response.content.decode()
    assert not User.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("verb", ["put", "delete", "patch"])
def test_other_verbs_are_refused(client: Client, verb: str) -> None:
    assert getattr(client, verb)("/setup/").status_code == 405

"""What cannot be looked at: said in place, with a next step; and who may not look."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import pytest
from django.test import Client
from pytest_django import Settings

from samples.registry import Auth, SampleRegistry
from tests.conftest import Users
from tests.dashboard.choosing.looking import HOST, look, text, ticked
from tests.dashboard.doors import assert_door, assert_verbs
from worker.models import Job, Role


@pytest.mark.parametrize(
    ("what", "reference", "said", "link"),
    [
        ("tags", "{host}/team/none", "has no repository team/none", ""),
        ("preview", "{host}/team/app:none", "has no tag none in the repository team/app", "look=tags"),
        ("tags", "localhost:1/x", "refused the connection", "registries/"),
        ("preview", "localhost:1/x", "refused the connection", "registries/"),
    ],
)
def test_what_the_registry_refuses_is_said_in_place_with_a_next_step(
    path: str, app: str, operator: Client, what: str, reference: str, said: str, link: str
) -> None:
    """The form stays as it was filled."""
    name = reference.format(host=app.partition("/")[0])
    answer = look(operator, path, reference=name, look=what, insecure="on", fetch_only="on")
    page = answer.content.decode()
    assert answer.status_code == 200
    assert said in text(answer), text(answer)
    assert 'class="hint"' in page
    assert f'value="{name}"' in page
    section = page[page.index('<section id="look"') :]
    assert link in section
    assert not Job.objects.exists()


def test_credentials_that_are_wrong_lead_to_the_registries(
    path: str, app: str, operator: Client, sample_registry: SampleRegistry
) -> None:
    sample_registry.auth = Auth(username="u", password="p")
    for what in ("tags", "preview"):
        said = text(look(operator, path, reference=app, look=what))
        assert "wants credentials" in said
        assert "Enter credentials for this registry on the Registries page" in said


def test_a_platform_that_is_not_there_shows_those_that_are(path: str, app: str, operator: Client) -> None:
    answer = look(operator, path, reference=app, look="preview", platform="aix/ppc")
    assert "The image does not exist for aix/ppc" in text(answer)
    assert re.findall(r'name="platforms" value="([^"]*)"', answer.content.decode()) == [HOST, "linux/s390x"]
    assert ticked(answer) == []


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"reference": ""}, "Enter a reference."),
        ({"reference": "No Good"}, "Write it as Docker does"),
        ({"reference": "x" * 600}, "512"),
        ({"reference": "localhost:1/a", "platform": "linux"}, "Write a platform as os/arch"),
    ],
)
def test_what_cannot_be_meant_is_said_at_the_field(
    path: str, operator: Client, given: dict[str, str], sentence: str
) -> None:
    answer = look(operator, path, look="preview", **given)
    assert answer.status_code == 422
    assert sentence in text(answer)
    assert 'aria-invalid="true"' in answer.content.decode()


def test_a_registry_that_is_not_allowed_is_not_asked(
    path: str, app: str, operator: Client, settings: Settings, sample_registry: SampleRegistry
) -> None:
    settings.ALLOWED_REGISTRIES = ["ghcr.io"]
    for what in ("tags", "preview"):
        answer = look(operator, path, reference=app, look=what)
        assert answer.status_code == 422
        assert "may not pull from" in text(answer)
    assert not sample_registry.requests


def test_what_nobody_can_look_at_is_the_form(path: str, operator: Client) -> None:
    answer = look(operator, path, reference="alpine", look="nonsense")
    assert answer.status_code == 200
    assert 'value="alpine"' in answer.content.decode()


def test_who_may_not_pull_may_not_look(path: str, app: str, users: Users) -> None:
    for what in ("tags", "preview"):
        address = f"{path}?{urlencode({'reference': app, 'look': what})}"
        assert_door(users, "get", address, needs=Role.OPERATOR)
        assert_verbs(users.operator, address, refused="put patch delete")

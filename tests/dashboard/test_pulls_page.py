"""The page that asks for a pull."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from tests.conftest import Users
from tests.dashboard.catalog import make_tag
from tests.dashboard.doors import client_of
from tests.worker.models.test_lineage import image
from worker.models import Job, JobState, Project, Registry


@pytest.fixture
def path(project: Project) -> str:
    return reverse("pull", args=[project.slug])


def test_a_pull_is_queued_and_its_page_follows(path: str, operator: Client, users: Users) -> None:
    answer = operator.post(
        path, {"reference": "localhost:5000/php:8", "platform": "linux/arm64", "insecure": "on"}
    )
    job = Job.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, reverse("job", args=["team", job.pk]))
    assert (job.reference, job.platform, job.state) == (
        "localhost:5000/php:8",
        "linux/arm64",
        JobState.QUEUED,
    )
    assert job.arguments == {"insecure": True, "fetch_only": False}
    assert job.created_by == users.operator


def test_no_tick_means_as_the_registry_says_not_never(path: str, operator: Client) -> None:
    operator.post(path, {"reference": "alpine", "fetch_only": "on"})
    assert Job.objects.get().arguments == {"insecure": None, "fetch_only": True}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"reference": ""}, "Enter a reference."),
        ({"reference": "not a reference"}, "Write it as Docker does"),
        ({"reference": "x" * 600}, "512"),
        ({"reference": "alpine", "platform": "linux"}, "Write a platform as os/arch"),
    ],
)
def test_what_cannot_be_meant_is_said_at_the_field_and_nothing_is_made(
    path: str, operator: Client, given: dict[str, str], sentence: str
) -> None:
    answer = operator.post(path, given)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert sentence in page
    assert 'aria-invalid="true"' in page
    assert not Job.objects.exists()
    if len(given["reference"]) < 100:
        assert f'value="{given["reference"]}"' in page or not given["reference"]


def test_a_registry_that_is_not_allowed_is_refused_at_the_field(
    path: str, operator: Client, settings: Settings
) -> None:
    settings.ALLOWED_REGISTRIES = ["ghcr.io"]
    answer = operator.post(path, {"reference": "alpine"})
    assert answer.status_code == 422
    assert "This install may not pull from docker.io." in answer.content.decode()
    assert not Job.objects.exists()


def test_a_used_up_quota_is_said_above_the_form(path: str, operator: Client, project: Project) -> None:
    image(project, "a", "a")
    Project.objects.update(quota_bytes=1)
    answer = operator.post(path, {"reference": "alpine"})
    assert answer.status_code == 422
    assert "quota" in answer.content.decode()
    assert not Job.objects.exists()


def test_the_fields_are_filled_by_the_query_string(path: str, operator: Client) -> None:
    page = operator.get(path + "?reference=php%3A8&platform=linux/arm64").content.decode()
    assert 'value="php:8"' in page
    assert 'value="linux/arm64"' in page


def test_known_registries_and_tags_are_suggested(path: str, operator: Client, project: Project) -> None:
    Registry.objects.create(project=project, host="localhost:5000", insecure=True)
    Registry.objects.create(project=Project.objects.create(slug="o", name="O"), host="hidden.example")
    make_tag(image(project, "a", "a"), "2", host="ghcr.io", repository="team/app")
    page = operator.get(path).content.decode()
    assert '<option value="localhost:5000/">' in page
    assert '<option value="ghcr.io/team/app:2">' in page
    assert "hidden.example" not in page


def test_a_registry_with_credentials_is_marked_wherever_they_are_kept(
    path: str, operator: Client, project: Project
) -> None:
    Registry.objects.create(project=project, host="typed.example", username="u")
    Registry.objects.create(project=project, host="dockers.example", credential_source="docker")
    Registry.objects.create(project=project, host="anybody.example")
    lines = operator.get(path).content.decode().split("<li>")
    marked = {
        host: any(f">{host}<" in line and "signed in" in line for line in lines)
        for host in ("typed.example", "dockers.example", "anybody.example")
    }
    assert marked == {"typed.example": True, "dockers.example": True, "anybody.example": False}


def test_a_viewer_a_stranger_and_nobody_are_refused(path: str, users: Users) -> None:
    for who, status in (("viewer", 403), ("stranger", 404)):
        client = client_of(getattr(users, who))
        assert client.get(path).status_code == status
        assert client.post(path, {"reference": "alpine"}).status_code == status
    assert Client().post(path, {"reference": "alpine"}).status_code == 302
    assert not Job.objects.exists()


def test_other_verbs_are_refused(path: str, operator: Client) -> None:
    assert operator.put(path).status_code == 405

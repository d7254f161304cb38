"""Removing images through the API: what the preview says is what the removal is held to."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Users
from tests.dashboard.catalog import diff_id, family, make_image
from tests.support.api import Api
from worker.models import Container, Job, JobKind, JobState, Project


@pytest.fixture
def operator(users: Users, data_dir: Path) -> Api:
    return Api(users.operator)


def test_a_preview_says_what_stays_because_of_whom(project: Project, operator: Api) -> None:
    images = family(project)
    status, said = operator.call("POST", "images/removal-preview", {"images": [images["php"].pk]})
    assert status == 200
    kept = {layer["diff_id"]: layer["kept_by"] for layer in said["layers"]}
    assert kept[diff_id("d")] == {
        "images": 3,
        "image": images["debian"].pk,
        "elsewhere": False,
        "work": False,
        "container": False,
    }
    assert kept[diff_id("p")]["images"] == 0
    assert said["freed"] == said["trees"]["bytes"] + said["indexes"]["bytes"] + said["blobs"]["bytes"]


def test_a_removal_is_held_to_the_mark_of_its_preview(project: Project, operator: Api) -> None:
    image = make_image(project, "php", "dp")
    _, said = operator.call("POST", "images/removal-preview", {"images": [image.pk]})
    status, refused = operator.call("POST", "images/removals", {"images": [image.pk], "mark": "other"})
    assert (status, refused["error"]["code"]) == (409, "conflict")
    assert not Job.objects.exists()
    status, job = operator.call("POST", "images/removals", {"images": [image.pk], "mark": said["mark"]})
    assert (status, job["kind"], job["state"], job["kept"]) == (202, "remove", "queued", None)
    result = {"removed": 1, "foreseen": 9, "bytes": 9, "count": 1, "stay": 0, "stay_bytes": 0}
    Job.objects.update(state=JobState.SUCCEEDED, result=result)
    assert operator.get(f"jobs/{job['id']}")["kept"] == result


def test_what_containers_hold_is_told_and_refused(project: Project, operator: Api) -> None:
    image = make_image(project, "php", "dp")
    container = Container.objects.create(project=project, image=image, name="web", node="local")
    _, said = operator.call("POST", "images/removal-preview", {"images": [image.pk]})
    assert said["held"] == [{"image": image.pk, "containers": [container.pk], "extracting": False}]
    status, refused = operator.call("POST", "images/removals", {"images": [image.pk]})
    assert status == 409
    assert "web" in refused["error"]["message"]


@pytest.mark.parametrize("path", ["removal-preview", "removals"])
@pytest.mark.parametrize(
    "body", [{}, {"images": []}, {"images": [0]}, {"images": ["x"]}, {"images": [1] * 501}]
)
def test_what_cannot_be_meant_is_refused(operator: Api, project: Project, path: str, body: object) -> None:
    status, answer = operator.call("POST", f"images/{path}", body)
    assert (status, answer["error"]["code"]) == (422, "invalid_input")


@pytest.mark.parametrize("path", ["removal-preview", "removals"])
def test_images_of_other_projects_do_not_exist(operator: Api, project: Project, path: str) -> None:
    theirs = make_image(Project.objects.create(slug="other", name="Other"), "private", "d")
    mine = make_image(project, "mine", "d")
    for ids in ([theirs.pk], [mine.pk, theirs.pk], [mine.pk, 999_999]):
        status, answer = operator.call("POST", f"images/{path}", {"images": ids})
        assert (status, answer["error"]["code"]) == (404, "not_found")
    assert not Job.objects.filter(kind=JobKind.REMOVE).exists()

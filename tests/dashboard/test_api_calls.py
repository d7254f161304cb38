"""What single calls of the API mean: filters, pages, choices, and what never comes out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from tests.conftest import Users
from tests.dashboard.catalog import make_job, make_tag
from tests.support.api import Api
from tests.worker.models.test_lineage import image
from worker.models import Container, Image, Job, JobState, Membership, Project, Registry, Role
from worker.services import issue_token


@pytest.fixture
def operator(users: Users) -> Api:
    return Api(users.operator)


@pytest.fixture
def admin(users: Users) -> Api:
    return Api(users.admin)


def test_a_pull_answers_with_its_job_and_where_to_follow_it(project: Project, users: Users) -> None:
    token = issue_token(users.operator)[1]
    answer = Client().post(
        "/api/v1/pulls",
        {"reference": "localhost:5000/php:8", "platform": None, "insecure": True},
        content_type="application/json",
        headers={"authorization": f"Bearer {token}"},
    )
    body = answer.json()
    assert answer.status_code == 202
    assert answer["Location"] == f"/api/v1/jobs/{body['id']}"
    assert (body["state"], body["reference"], body["error"]) == ("queued", "localhost:5000/php:8", None)
    assert Job.objects.get(pk=body["id"]).arguments == {"insecure": True, "fetch_only": False}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"reference": "No Spaces"}, 422, "invalid_reference"),
        ({"reference": "alpine", "platform": "linux"}, 422, "invalid_platform"),
        ({"reference": ""}, 422, "invalid_input"),
        ({"reference": 5}, 422, "invalid_input"),
        ({}, 422, "invalid_input"),
        ([], 422, "invalid_input"),
        ({"reference": "alpine", "project": "other"}, 404, "not_found"),
    ],
)
def test_a_pull_that_cannot_be_meant_leaves_nothing(operator: Api, body: Any, status: int, code: str) -> None:
    answered, refusal = operator.call("POST", "pulls", body)
    assert (answered, refusal["error"]["code"]) == (status, code)
    assert not Job.objects.exists()


def test_what_is_no_json_is_refused(users: Users) -> None:
    headers = {"authorization": f"Bearer {issue_token(users.operator)[1]}"}
    answer = Client().post("/api/v1/pulls", "{", content_type="application/json", headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_request")


def test_a_failed_job_says_why(project: Project, operator: Api) -> None:
    row = make_job(
        project,
        state=JobState.FAILED,
        error_code="tag_not_found",
        error_message="There is no tag 9.",
        error_hint="Check the tag.",
    )
    told = operator.get(f"jobs/{row.pk}")
    assert told["error"] == {
        "code": "tag_not_found",
        "message": "There is no tag 9.",
        "hint": "Check the tag.",
    }
    assert (told["kind"], told["state"], told["image"]) == ("pull", "failed", None)


def test_pages_follow_each_other_though_rows_are_added_in_front(project: Project, operator: Api) -> None:
    old = [make_job(project) for _ in range(5)]
    first = operator.get("jobs?limit=2")
    make_job(project)
    second = operator.get(f"jobs?limit=2&cursor={first['next']}")
    third = operator.get(f"jobs?limit=2&cursor={second['next']}")
    ids = [item["id"] for page in (first, second, third) for item in page["items"]]
    assert ids == [row.pk for row in reversed(old)]
    assert third["next"] is None


def test_rows_of_the_same_instant_are_each_listed_once(project: Project, operator: Api) -> None:
    rows = [make_job(project) for _ in range(4)]
    Job.objects.update(created_at=timezone.now())
    first = operator.get("jobs?limit=3")
    second = operator.get(f"jobs?limit=3&cursor={first['next']}")
    assert sorted(item["id"] for item in first["items"] + second["items"]) == [row.pk for row in rows]


@pytest.mark.parametrize("cursor", ["x", "eA", "MjAyNnww", "%00", "MjAyNi0wMS0wMXwx"])
def test_a_made_up_cursor_is_refused(project: Project, operator: Api, cursor: str) -> None:
    assert operator.call("GET", f"jobs?cursor={cursor}")[0] == 422


def test_jobs_are_narrowed_by_state_kind_and_text(project: Project, operator: Api) -> None:
    wanted = make_job(project, state=JobState.CANCELLED, reference="localhost:5000/php:8")
    make_job(project, state=JobState.CANCELLED)
    make_job(project, reference="localhost:5000/php:8")
    found = operator.get("jobs?state=cancelled&kind=pull&q=PHP")["items"]
    assert [item["id"] for item in found] == [wanted.pk]
    assert operator.get("jobs?kind=extract")["items"] == []


@pytest.mark.parametrize("by", ["id", "text", "digest", "tag", "reference"])
def test_a_container_s_image_is_found_by_id_digest_or_reference(
    project: Project, operator: Api, by: str
) -> None:
    php = image(project, "php", "dp")
    Image.objects.update(extracted=True)
    make_tag(php, "8")
    ways = {
        "id": php.pk,
        "text": str(php.pk),
        "digest": php.digest,
        "tag": "php:8",
        "reference": f"docker.io/library/php@{php.digest}",
    }
    status, told = operator.call("POST", "containers", {"image": ways[by], "command": "sh -c 'echo hi'"})
    assert (status, told["image"], told["state"]) == (202, php.pk, "creating")
    assert told["command"] == ["sh", "-c", "echo hi"]
    assert Job.objects.get(pk=told["job"]).container_id == told["id"]


def test_a_container_on_what_is_not_there_is_refused(project: Project, operator: Api) -> None:
    php = image(project, "php", "dp")
    assert operator.call("POST", "containers", {"image": 999})[0] == 404
    assert operator.call("POST", "containers", {"image": "php:9"})[0] == 404
    assert operator.call("POST", "containers", {"image": "No Good"})[0] == 422
    status, refusal = operator.call("POST", "containers", {"image": php.pk, "command": "sh 'open"})
    assert (status, refusal["error"]["code"]) == (422, "invalid_input")
    assert refusal["error"]["message"] == "command: no closing quotation; write it as a list of words."
    status, refusal = operator.call("POST", "containers", {"image": php.pk})
    assert (status, refusal["error"]["code"]) == (409, "layer_missing")
    assert not Container.objects.exists()


def test_viewers_get_the_names_of_a_container_s_variables_without_the_values(
    project: Project, users: Users
) -> None:
    php = image(project, "php", "dp")
    row = Container.objects.create(
        project=project, image=php, name="web", node="local", env={"API_KEY": "tr0ub4dor"}
    )
    for user, value in ((users.viewer, None), (users.operator, "tr0ub4dor"), (users.admin, "tr0ub4dor")):
        caller = Api(user)
        assert caller.get(f"containers/{row.pk}")["env"] == {"API_KEY": value}
        assert [item["env"] for item in caller.get("containers")["items"]] == [{"API_KEY": value}]


def test_what_the_state_forbids_is_a_conflict(project: Project, operator: Api) -> None:
    row = Container.objects.create(
        project=project, image=image(project, "php", "dp"), name="web", node="local", state="running"
    )
    status, refusal = operator.call("POST", f"containers/{row.pk}/start")
    assert (status, refusal["error"]["code"]) == (409, "container_state")


def test_a_registry_s_password_never_comes_out(project: Project, admin: Api) -> None:
    given = {"host": "ghcr.io", "username": "bot", "password": "tr0ub4dor"}
    status, made = admin.call("POST", "registries", given)
    assert (status, made["has_password"]) == (201, True)
    admin.call("PATCH", f"registries/{made['id']}", {"insecure": True})
    told = json.dumps([made, admin.get(f"registries/{made['id']}"), admin.get("registries")])
    assert "tr0ub4dor" not in told
    row = Registry.objects.get()
    assert row.insecure
    assert row.password_encrypted not in ("", "tr0ub4dor")
    assert row.password_encrypted not in told


def test_an_unreachable_registry_fails_its_test_step_by_step(project: Project, admin: Api) -> None:
    row = Registry.objects.create(project=project, host="localhost:1", insecure=True)
    status, report = admin.call("POST", f"registries/{row.pk}/test")
    assert (status, report["ok"]) == (200, False)
    assert report["steps"][-1]["ok"] is False
    assert admin.get(f"registries/{row.pk}")["check_error"]


def test_a_schedule_is_switched_off_and_on(project: Project, operator: Api) -> None:
    status, made = operator.call("POST", "schedules", {"reference": "alpine", "cron": "0 4 * * *"})
    assert (status, made["reference"], made["timezone"]) == (201, "docker.io/library/alpine:latest", "UTC")
    assert made["next_run_at"] is not None
    _, off = operator.call("PATCH", f"schedules/{made['id']}", {"enabled": False})
    assert (off["enabled"], off["next_run_at"], off["cron"]) == (False, None, "0 4 * * *")
    status, refusal = operator.call("PATCH", f"schedules/{made['id']}", {"cron": "61 * * * *"})
    assert (status, set(refusal)) == (422, {"error"})


def test_without_a_project_a_call_is_about_the_first_one(
    project: Project, users: Users, operator: Api
) -> None:
    other = Project.objects.create(slug="other", name="Another")
    Membership.objects.create(project=other, user=users.operator, role=Role.VIEWER)
    hidden = Project.objects.create(slug="hidden", name="Hidden")
    mine, theirs = make_job(project), make_job(other)
    make_job(hidden)
    assert [item["id"] for item in operator.get("jobs")["items"]] == [mine.pk]
    assert [item["id"] for item in operator.get("jobs?project=other")["items"]] == [theirs.pk]
    assert operator.call("GET", "jobs?project=hidden")[0] == 404
    listed = operator.get("projects")["items"]
    assert [(one["slug"], one["role"]) for one in listed] == [("team", "operator"), ("other", "viewer")]


def test_a_role_in_one_project_is_none_in_another(project: Project, users: Users, operator: Api) -> None:
    other = Project.objects.create(slug="other", name="Another")
    Membership.objects.create(project=other, user=users.operator, role=Role.VIEWER)
    status, refusal = operator.call("POST", "pulls", {"reference": "alpine", "project": "other"})
    assert (status, refusal["error"]["code"]) == (403, "not_allowed")
    assert not Job.objects.exists()

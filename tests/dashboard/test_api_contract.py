"""The whole API against its own description: every operation works, and refuses whom and what it should.

``api_operations.CALLS`` has one line per operation; a new path without a line fails.
"""

from __future__ import annotations

import functools
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from ninja import Schema

from samples.images import image as sample_image
from samples.images import layer
from samples.registry import SampleRegistry
from tests.conftest import Users
from tests.dashboard.api_operations import CALLS, Call
from tests.dashboard.catalog import make_tag
from tests.support.files import make_image, open_store
from tests.support.openapi import check
from tests.worker.models.test_lineage import image
from worker.models import Container, Job, JobKind, JobState, Project, Registry, Role, Schedule
from worker.services import issue_token
from worker.tasks.packages import read_all_packages

BASE = "/api/v1/"


SCRUBBED = {
    "repair": False, "blobs": 3, "layers": 2, "bytes": 9, "found": 1, "repaired": 0,
    "findings": [
        {"kind": "blob", "subject": "sha256:a", "code": "damaged", "message": "No.", "repaired": False}
    ],
}  # fmt: skip
EACH = pytest.mark.parametrize("call", CALLS, ids=str)


@dataclass
class World:
    """A project with one row of everything, tokens of everybody, and a registry."""

    host: str
    rows: dict[str, int]
    tokens: dict[str, str]
    diff_id: str

    def filled(self, query: str) -> str:
        """Put the ids of rows in the places that are named for them."""
        for name, id in self.rows.items():
            query = query.replace(f"{{{name}}}", str(id))
        return query

    def send(self, call: Call, who: str = "", *, id: int | None = None) -> HttpResponse:
        path = call.path.replace("{id}", str(id if id is not None else self.rows.get(call.row, 0)))
        path = path.replace("{diff_id}", self.diff_id)
        path += self.filled(call.query.replace("{host}", self.host))
        body = json.dumps(call.body or {}).replace('"{image}"', str(self.rows["image"]))
        body = body.replace('"{unused}"', str(self.rows["unused"]))
        body = body.replace("{host}", self.host)
        headers = {"authorization": f"Bearer {self.tokens[who]}"} if who else {}
        return Client().generic(
            call.method, BASE + path, body, content_type="application/json", headers=headers
        )  # type: ignore[return-value]


@pytest.fixture
def world(project: Project, users: Users, data_dir: Path, sample_registry: SampleRegistry) -> World:
    sample_registry.push("app", "1", sample_image([layer({"a": b"b"})]))
    owned = {"project": project}
    base, grown = image(project, "debian", "d"), image(project, "php", "dp")
    type(grown).objects.update(extracted=True)
    make_tag(grown, "8")
    assert base.pk != grown.pk
    served = image(project, "app", "z")
    type(served).objects.filter(pk=served.pk).update(registry_host=sample_registry.host, repository="app")
    Registry.objects.create(**owned, host=sample_registry.host, insecure=True)
    job = {"kind": JobKind.PULL, "reference": "docker.io/library/alpine:latest"}
    failure = {"error_code": "tag_not_found", "error_message": "No.", "error_hint": "Check."}
    rows = {
        "image": grown,
        "filed": make_image(project, open_store(data_dir / "store"), "filed", [layer({"a": b"b"})]),
        "refiled": make_image(project, open_store(data_dir / "store"), "refiled", [layer({"a": b"c"})]),
        "served": served,
        "queued": Job.objects.create(**owned, **job),
        "failed": Job.objects.create(**owned, **job, state=JobState.FAILED, **failure),
        "scrub": Job.objects.create(
            **owned, kind=JobKind.SCRUB, reference="Scrub", state=JobState.SUCCEEDED, result=SCRUBBED
        ),
        "unused": base,
        "container": Container.objects.create(
            **owned, image=grown, name="web", node="local", state="stopped"
        ),
        "registry": Registry.objects.create(**owned, host="localhost:1", insecure=True),
        "schedule": Schedule.objects.create(
            **owned,
            reference="docker.io/library/alpine:latest",
            cron="0 4 * * *",
            next_run_at=timezone.now(),
        ),
    }
    read_all_packages(open_store(data_dir / "store").layers)
    names = ("viewer", "operator", "admin", "stranger", "superuser")
    tokens = {name: issue_token(getattr(users, name))[1] for name in names}
    diff_id = str(layer({"a": b"b"}).diff_id)
    return World(sample_registry.host, {name: row.pk for name, row in rows.items()}, tokens, diff_id)


@functools.cache
def description() -> dict[str, Any]:
    """The API's own; to make it takes long, and it is always the same."""
    document: dict[str, Any] = Client().get(BASE + "openapi.json").json()
    return document


def is_refusal(answer: HttpResponse, status: int) -> bool:
    error = json.loads(answer.content)["error"]
    assert answer.status_code == status, error
    return set(error) == {"code", "message", "hint"} and all(isinstance(v, str) for v in error.values())


@pytest.mark.django_db
def test_every_operation_of_the_document_is_called_here() -> None:
    """Save the event stream, which is not Django's (tests/dashboard/test_sse_doors.py)."""
    described = {
        (method.upper(), path.removeprefix(BASE))
        for path, operations in description()["paths"].items()
        for method in operations
    }
    assert described - {("GET", "jobs/{id}/events")} == {(call.method, call.path) for call in CALLS}


def test_no_two_schemas_have_one_name() -> None:
    """The document knows them by their names alone: the later one would describe both."""
    names = Counter(
        schema.__name__ for schema in _kinds(Schema) if schema.__module__.startswith("dashboard.")
    )
    assert names["PackageOut"] == 1
    assert [name for name, count in names.items() if count > 1] == []


def _kinds(schema: type[Schema]) -> set[type[Schema]]:
    found = set(schema.__subclasses__())
    return found.union(*map(_kinds, found))


@EACH
def test_it_works_and_answers_as_described(world: World, call: Call) -> None:
    if call.before:
        Container.objects.filter(pk=world.rows["container"]).update(**call.before)
    answer = world.send(call, call.by or (call.role or Role.VIEWER).value)
    assert answer.status_code == call.status, answer.content
    described = description()["paths"][BASE + call.path][call.method.lower()]["responses"]
    if call.status == 204:
        assert answer.content == b""
        return
    content = described[str(call.status)]["content"]
    if "application/json" not in content:
        assert answer["Content-Type"] in content
        return
    schema = content["application/json"]["schema"]
    check(description(), schema, json.loads(answer.content))


@EACH
def test_without_a_token_it_refuses(world: World, call: Call) -> None:
    answer = world.send(call)
    assert is_refusal(answer, 401)
    assert answer["WWW-Authenticate"] == "Bearer"


@EACH
def test_with_too_low_a_role_it_refuses(world: World, call: Call) -> None:
    below = {Role.OPERATOR: "viewer", Role.ADMIN: "operator"}
    if call.by:
        assert is_refusal(world.send(call, "admin"), 403)
    elif call.role in below:
        assert is_refusal(world.send(call, below[call.role]), 403)


@EACH
def test_to_a_stranger_nothing_is_there(world: World, call: Call) -> None:
    """Ids of other projects look like ids that do not exist; without any project, lists say so."""
    if call.role is not None:
        assert is_refusal(world.send(call, "stranger"), 404)


@EACH
def test_an_unknown_id_is_not_found(world: World, call: Call) -> None:
    if "{id}" in call.path:
        for id in (0, 999_999, 10**30):
            assert is_refusal(world.send(call, "superuser", id=id), 404)


@EACH
def test_another_verb_is_refused(world: World, call: Call) -> None:
    known = {other.method for other in CALLS if other.path == call.path}
    answer = world.send(Call("PUT", call.path, row=call.row), "superuser")
    assert is_refusal(answer, 405)
    assert set(answer["Allow"].split(", ")) == known


@EACH
def test_a_body_with_a_typing_error_is_refused(world: World, call: Call) -> None:
    """An unknown field must not pass for a default."""
    if call.body is not None:
        wrong = Call(call.method, call.path, row=call.row, body={**call.body, "refference": "x"})
        answer = world.send(wrong, "superuser")
        assert is_refusal(answer, 422)
        assert "refference" in json.loads(answer.content)["error"]["message"]


def test_a_session_does_not_open_the_api(world: World, users: Users) -> None:
    """No cookie counts, so no other site can make a browser call it."""
    client = Client()
    client.force_login(users.superuser)
    assert client.get(BASE + "jobs").status_code == 401


@pytest.mark.parametrize("path", ["", "nothing", "jobs/", "jobs/x", "jobs/1/nothing"])
def test_an_unknown_address_is_refused_in_shape(path: str) -> None:
    assert is_refusal(Client().get(BASE + path), 404)  # type: ignore[arg-type]


def test_a_failure_of_ours_is_a_sentence_and_no_traceback(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("dashboard.api.jobs.latest", fail)
    answer = world.send(Call("GET", "jobs/{id}", row="failed"), "viewer")
    assert is_refusal(answer, 500)
    assert b"secret" not in answer.content

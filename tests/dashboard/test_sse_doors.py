"""Who is let in to a stream, and how the others are turned away."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import pytest

from dashboard import tickets
from dashboard.asgi import application
from dashboard.live import Live
from tests.conftest import Users
from tests.support.asgi import Viewer
from worker.models import Job, JobKind, Project
from worker.services import issue_token

pytestmark = pytest.mark.django_db(transaction=True)


def ask(path: str, query: str = "", method: str = "GET", headers: dict[str, str] | None = None) -> Viewer:
    """Return the whole answer of the whole application."""

    async def run() -> Viewer:
        async with Viewer(application, path, query, method, headers) as viewer:
            await viewer.ended()
        return viewer

    return asyncio.run(run())


@pytest.fixture
def job(project: Project) -> Job:
    return Job.objects.create(project=project, kind=JobKind.PULL, reference="docker.io/library/alpine:latest")


def test_without_a_ticket_nobody_watches(job: Job) -> None:
    answer = ask(f"/live/jobs/{job.pk}")
    assert answer.status == 401
    assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize("who", ["stranger", "nobody"])
def test_who_is_no_member_is_refused(job: Job, users: Users, who: str) -> None:
    """A ticket of one who was a member when the page was made, or whose account is gone."""
    user_id = users.stranger.pk if who == "stranger" else 10**6
    answer = ask(f"/live/jobs/{job.pk}", f"ticket={tickets.issue('job', job.pk, user_id)}")
    assert answer.status == (403 if who == "stranger" else 401)


def test_a_switched_off_account_watches_nothing(job: Job, users: Users) -> None:
    users.viewer.is_active = False
    users.viewer.save()
    answer = ask(f"/live/jobs/{job.pk}", f"ticket={tickets.issue('job', job.pk, users.viewer.pk)}")
    assert answer.status == 401


def test_an_old_ticket_is_refused(job: Job, users: Users, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page then fetches itself anew, by the session that it has."""
    ticket = tickets.issue("job", job.pk, users.viewer.pk)
    monkeypatch.setattr(tickets, "MAX_AGE", timedelta(seconds=-1))
    assert ask(f"/live/jobs/{job.pk}", f"ticket={ticket}").status == 401


def test_a_ticket_of_another_job_is_refused(job: Job, users: Users) -> None:
    ticket = tickets.issue("job", job.pk + 1, users.viewer.pk)
    assert ask(f"/live/jobs/{job.pk}", f"ticket={ticket}").status == 401
    ticket = tickets.issue("project", job.pk, users.viewer.pk)
    assert ask(f"/live/jobs/{job.pk}", f"ticket={ticket}").status == 401


@pytest.mark.parametrize("path", ["/live/jobs/999999", "/live/projects/999999"])
def test_what_does_not_exist_is_not_found(users: Users, path: str) -> None:
    kind: tickets.Kind = "job" if "jobs" in path else "project"
    assert ask(path, f"ticket={tickets.issue(kind, 999999, users.superuser.pk)}").status == 404


@pytest.mark.parametrize(
    "path", ["/live/", "/live/jobs/", "/live/jobs/x", "/live/images/1", "/live/jobs/1/x"]
)
def test_other_addresses_below_live_are_not_found(path: str) -> None:
    assert ask(path, "ticket=x").status == 404


@pytest.mark.parametrize("method", ["POST", "HEAD", "PUT", "DELETE"])
def test_a_stream_is_only_read(job: Job, users: Users, method: str) -> None:
    ticket = tickets.issue("job", job.pk, users.viewer.pk)
    answer = ask(f"/live/jobs/{job.pk}", f"ticket={ticket}", method)
    assert (answer.status, answer.headers["allow"]) == (405, "GET")


@pytest.mark.parametrize(
    ("authorization", "status", "code"),
    [
        ("", 401, "unauthorized"),
        ("Bearer nonsense", 401, "unauthorized"),
        ("Basic {token}", 401, "unauthorized"),
        ("Bearer {stranger}", 404, "not_found"),
    ],
)
def test_a_program_is_refused_in_the_shape_of_the_api(
    job: Job, users: Users, authorization: str, status: int, code: str
) -> None:
    """A job of other people's project is not there, as everywhere in the API."""
    tokens = {"token": issue_token(users.viewer)[1], "stranger": issue_token(users.stranger)[1]}
    answer = ask(f"/api/v1/jobs/{job.pk}/events", headers={"authorization": authorization.format(**tokens)})
    error = json.loads(answer.body)["error"]
    assert (answer.status, error["code"], set(error)) == (status, code, {"code", "message", "hint"})


@pytest.mark.parametrize(
    ("path", "method", "status"), [("999999", "GET", 404), ("x", "GET", 404), ("1", "POST", 405)]
)
def test_a_program_learns_what_is_wrong_with_the_address(
    users: Users, path: str, method: str, status: int
) -> None:
    headers = {"authorization": f"Bearer {issue_token(users.superuser)[1]}"}
    answer = ask(f"/api/v1/jobs/{path}/events", method=method, headers=headers)
    assert (answer.status, set(json.loads(answer.body))) == (status, {"error"})


def test_a_cookie_does_not_open_the_api_s_stream(job: Job) -> None:
    answer = ask(f"/api/v1/jobs/{job.pk}/events", headers={"cookie": "sessionid=x"})
    assert answer.status == 401


def test_everything_else_goes_to_django(db: None) -> None:
    answer = ask("/api/v1/openapi.json", headers={"host": "localhost"})
    assert answer.status == 200
    assert json.loads(answer.body)["info"]["title"] == "Strata"


def test_the_end_of_the_server_ends_the_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[bool] = []

    async def close(self: Live) -> None:
        closed.append(True)

    async def story() -> None:
        steps = iter(["lifespan.startup", "lifespan.shutdown"])
        sent: list[str] = []

        async def receive() -> dict[str, str]:
            return {"type": next(steps)}

        async def send(message: dict[str, str]) -> None:
            sent.append(message["type"])

        await application({"type": "lifespan"}, receive, send)  # type: ignore[arg-type]
        assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]

    monkeypatch.setattr(Live, "close", close)
    asyncio.run(story())
    assert closed

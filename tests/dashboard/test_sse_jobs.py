"""A job's stream: what arrives, in which order, and who ends it.

A real Redis, the real database; the viewers stand where the ASGI server would.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from dashboard.live import Live, feeds
from dashboard.live.threads import in_thread
from tests.conftest import Users
from tests.support.asgi import Viewer
from tests.support.live import end, page, play, running_job, snapshot, tell, watching
from tests.support.redis import RedisServer
from worker.models import Job, JobState, Project
from worker.progress import ErrorInfo, job_key, publish
from worker.services import issue_token

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def job(project: Project, redis_server: RedisServer) -> Job:
    return running_job(project)


def test_a_viewer_sees_where_the_job_stands_then_each_change_then_the_end(
    job: Job, users: Users, redis_server: RedisServer
) -> None:
    async def story(live: Live) -> None:
        await tell(snapshot(job, 100))
        async with page(live, job, users.viewer.pk) as viewer:
            first = await viewer.event()
            assert viewer.status == 200
            assert viewer.headers["content-type"].startswith("text/event-stream")
            assert b"retry: " in viewer.body
            assert "100 B of 1000 B" in first.data
            assert first.name == ""
            assert first.id.endswith("-0")
            await tell(snapshot(job, 700))
            second = await viewer.event_with("700 B of 1000 B")
            assert second.id > first.id
            await in_thread(lambda: end(job))
            assert "succeeded" in (await viewer.event_with("The image is here")).data
            assert (await viewer.event()).name == "done"
            await viewer.ended()
        assert len(live.hub) == 0

    play(redis_server.url, story)


def test_a_job_that_has_ended_gets_its_last_picture_and_the_end_at_once(
    job: Job, users: Users, redis_server: RedisServer
) -> None:
    end(job, JobState.CANCELLED)

    async def story(live: Live) -> None:
        async with page(live, job, users.viewer.pk) as viewer:
            await viewer.ended()
            assert "cancelled" in (await viewer.event()).data
            assert (await viewer.event()).name == "done"

    play(redis_server.url, story)


def test_a_job_whose_stream_expired_is_told_from_its_row(
    job: Job, users: Users, redis_server: RedisServer
) -> None:
    end(job)
    redis_server.client.delete(job_key(job.pk))

    async def story(live: Live) -> None:
        async with page(live, job, users.viewer.pk) as viewer:
            event = await viewer.event()
            assert "The image is here" in event.data
            assert event.id == ""
            await viewer.ended()

    play(redis_server.url, story)


def test_a_browser_that_comes_back_misses_nothing_that_matters(
    job: Job, users: Users, redis_server: RedisServer
) -> None:
    """Each entry is the whole job: the newest one makes up for all that were missed, the end included."""

    async def story(live: Live) -> None:
        await tell(snapshot(job, 100))
        async with page(live, job, users.viewer.pk) as viewer:
            seen = (await viewer.event()).id
        for done in (200, 300):
            await tell(snapshot(job, done))
        async with page(live, job, users.viewer.pk, last_event_id=seen) as viewer:
            assert "300 B of 1000 B" in (await viewer.event()).data
        await in_thread(lambda: end(job))
        async with page(live, job, users.viewer.pk, last_event_id=seen) as viewer:
            assert "The image is here" in (await viewer.event()).data
            assert (await viewer.event()).name == "done"

    play(redis_server.url, story)


def test_a_quiet_job_is_looked_up_in_the_catalog(
    job: Job, users: Users, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An entry that Redis never got would otherwise leave the page waiting for ever."""
    monkeypatch.setattr(feeds, "BLOCK_SECONDS", 0.1)

    async def story(live: Live) -> None:
        async with watching(live, job, users.viewer.pk) as viewer:
            ended = Job.objects.filter(pk=job.pk)
            await in_thread(
                lambda: ended.update(
                    state="failed", error_code="disk_full", error_message="The disk is full."
                )
            )
            assert "disk_full" in (await viewer.event_with("The disk is full.")).data
            await viewer.event_named("done")

    play(redis_server.url, story)


def test_a_silent_worker_is_mentioned(
    job: Job, users: Users, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "BLOCK_SECONDS", 0.1)

    async def story(live: Live) -> None:
        async with watching(live, job, users.viewer.pk) as viewer:
            old = timezone.now() - timedelta(minutes=1)
            await in_thread(lambda: Job.objects.filter(pk=job.pk).update(heartbeat_at=old))
            assert "100 B" in (await viewer.event_with("no sign of life")).data

    play(redis_server.url, story)


def test_who_comes_later_sees_where_a_quiet_job_stands(
    job: Job, users: Users, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From what the reader knows, with no new entry to wait for."""
    monkeypatch.setattr(feeds, "BLOCK_SECONDS", 60.0)

    async def story(live: Live) -> None:
        async with watching(live, job, users.viewer.pk):
            async with page(live, job, users.admin.pk) as late:
                await late.event_with("100 B")
                assert b"interrupted" not in late.body

    play(redis_server.url, story)


def test_a_stream_that_stopped_before_the_end_does_not_hide_it(
    job: Job, users: Users, redis_server: RedisServer
) -> None:
    """The last entry may have been lost with Redis; the row has the end."""
    publish(snapshot(job, 100))
    Job.objects.filter(pk=job.pk).update(state=JobState.CANCELLED)

    async def story(live: Live) -> None:
        async with page(live, job, users.viewer.pk) as viewer:
            assert "cancelled" in (await viewer.event()).data
            assert (await viewer.event()).name == "done"

    play(redis_server.url, story)


def test_the_row_decides_when_a_job_has_ended(
    job: Job, users: Users, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stream may be quicker than the row: the end is told once the page that reloads will show it."""
    monkeypatch.setattr(feeds, "BLOCK_SECONDS", 60.0)

    async def story(live: Live) -> None:
        await tell(snapshot(job, 1000, "succeeded"))
        async with page(live, job, users.viewer.pk) as viewer:
            await asyncio.sleep(0.3)
            assert b"event: done" not in viewer.body
            await in_thread(lambda: Job.objects.filter(pk=job.pk).update(state=JobState.SUCCEEDED))
            await viewer.event_named("done")
            assert b"interrupted" not in viewer.body

    play(redis_server.url, story)


def test_a_stream_that_says_the_end_against_the_row_ends_nothing(
    job: Job, users: Users, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "ROW_GRACE_SECONDS", 0.1)
    monkeypatch.setattr(feeds, "BLOCK_SECONDS", 0.1)

    async def story(live: Live) -> None:
        await tell(snapshot(job, 1000, "succeeded"))
        async with page(live, job, users.viewer.pk) as viewer:
            await viewer.event_with(">running<")
            assert b"event: done" not in viewer.body
            await in_thread(lambda: Job.objects.filter(pk=job.pk).update(state=JobState.SUCCEEDED))
            await viewer.event_named("done")

    play(redis_server.url, story)


def test_a_program_gets_whole_jobs_as_json(job: Job, users: Users, redis_server: RedisServer) -> None:
    _, token = issue_token(users.viewer)
    failure = ErrorInfo("unauthorized", "The registry wants credentials.", "Enter them.")

    async def story(live: Live) -> None:
        await tell(snapshot(job, 100))
        headers = {"authorization": f"Bearer {token}"}
        async with Viewer(live, f"/api/v1/jobs/{job.pk}/events", headers=headers) as viewer:
            told = json.loads((await viewer.event()).data)
            assert (told["id"], told["state"], told["progress"]["done"]) == (job.pk, "running", 100)
            fields = {"state": "failed", "error_code": failure.code, "error_message": failure.message}
            await in_thread(lambda: Job.objects.filter(pk=job.pk).update(**fields, error_hint=failure.hint))
            await tell(replace(snapshot(job, 100, "failed"), error=failure))
            told = json.loads((await viewer.event_with('"failed"')).data)
            assert told["error"] == {"code": failure.code, "message": failure.message, "hint": failure.hint}
            last = await viewer.event()
            assert (last.name, json.loads(last.data)) == ("done", {"state": "failed"})
            await viewer.ended()

    play(redis_server.url, story)

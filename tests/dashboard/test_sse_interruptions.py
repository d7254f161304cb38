"""Redis goes away and comes back; nobody is left with a page that stands still."""

from __future__ import annotations

import asyncio

import pytest

from dashboard.live import Live, channel
from dashboard.live.threads import in_thread
from tests.conftest import Users
from tests.support.live import end, page, play, project_page, running_job, snapshot, tell, watching
from tests.support.redis import RedisServer
from worker.models import Job, Project

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def _soon_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "RETRY_SECONDS", 0.05)


@pytest.fixture
def job(project: Project, redis_server: RedisServer) -> Job:
    return running_job(project)


def test_when_redis_goes_the_page_says_so_and_recovers(
    job: Job, users: Users, redis_server: RedisServer
) -> None:
    async def story(live: Live) -> None:
        async with watching(live, job, users.viewer.pk) as viewer:
            await asyncio.to_thread(redis_server.stop)
            notice = await viewer.event_with("Live updates are interrupted; trying again.")
            assert 'hx-target="#live-status"' in notice.data
            async with page(live, job, users.viewer.pk) as late:
                await late.event_with("Live updates are interrupted")
            await asyncio.to_thread(redis_server.start)
            event = await viewer.event_with("#live-status")
            assert "interrupted" not in event.data
            await tell(snapshot(job, 900))
            await viewer.event_with("900 B")

    play(redis_server.url, story)


def test_a_job_that_ends_while_redis_is_gone_is_told_from_its_row(
    job: Job, users: Users, redis_server: RedisServer
) -> None:
    async def story(live: Live) -> None:
        async with watching(live, job, users.viewer.pk) as viewer:
            await asyncio.to_thread(redis_server.stop)
            await viewer.event_with("Live updates are interrupted")
            await in_thread(lambda: end(job))
            event = await viewer.event_with("#live-status")
            assert "interrupted" not in event.data, "the notice must not outlive the stream"
            await viewer.event_named("done")
            await viewer.ended()

    play(redis_server.url, story)
    redis_server.start()


def test_after_an_interruption_a_page_looks_at_everything_once(
    project: Project, users: Users, redis_server: RedisServer
) -> None:
    """A Redis that starts anew has forgotten what was announced."""

    async def story(live: Live) -> None:
        async with project_page(live, project, users.viewer.pk) as viewer:
            await viewer.begun()
            await asyncio.to_thread(redis_server.stop)
            await viewer.event_with("Live updates are interrupted")
            await asyncio.to_thread(redis_server.start)
            await viewer.event_named("registries")
            for topic in ("jobs", "images", "containers", "schedules"):
                assert f"event: {topic}\n".encode() in viewer.body

    play(redis_server.url, story)

"""Many viewers, slow ones, idle ones, and ones that must go."""

from __future__ import annotations

import pytest

from dashboard.live import Live, app, channel, feeds
from dashboard.live.threads import in_thread
from tests.conftest import Users
from tests.support.asgi import Viewer
from tests.support.live import end, page, play, running_job, snapshot, tell
from tests.support.redis import RedisServer
from worker.models import Job, Project
from worker.progress import Snapshot
from worker.services import issue_token, revoke_token

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def job(project: Project, redis_server: RedisServer) -> Job:
    return running_job(project)


def test_many_viewers_share_one_reader_and_see_the_same(
    job: Job, users: Users, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One connection reads, each entry is rendered once, and everybody gets the same bytes."""
    rendered: list[int] = []
    real = feeds.job_update

    def counting(row: Job, shot: Snapshot, *rest: object) -> channel.Update:
        rendered.append(shot.done)
        return real(row, shot, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(feeds, "job_update", counting)

    async def story(live: Live) -> None:
        await tell(snapshot(job, 100))
        viewers = [page(live, job, user) for user in (users.viewer.pk, users.admin.pk, users.superuser.pk)]
        async with viewers[0], viewers[1], viewers[2]:
            for viewer in viewers:
                await viewer.event_with("100 B")
            assert len(live.hub) == 1
            blocked = [c for c in redis_server.client.client_list() if c["cmd"] == "xread"]
            assert len(blocked) <= 1
            await tell(snapshot(job, 500))
            events = [await viewer.event_with("500 B") for viewer in viewers]
            assert len({event.data for event in events}) == 1
            assert rendered.count(500) == 1

    play(redis_server.url, story)


def test_a_slow_viewer_gets_the_newest_state_and_holds_nobody_up(
    job: Job, users: Users, redis_server: RedisServer
) -> None:
    async def story(live: Live) -> None:
        await tell(snapshot(job, 1))
        async with page(live, job, users.viewer.pk) as slow, page(live, job, users.admin.pk) as quick:
            await slow.event()
            slow.may_read.clear()
            for done in range(2, 60):
                await tell(snapshot(job, done))
                await quick.event_with(f"<dd>{done // 10}")
            await in_thread(lambda: end(job))
            await quick.ended()
            read = len(slow.body)
            slow.may_read.set()
            await slow.ended()
            # At most what was under way when it stopped reading, then the last picture and the end.
            assert slow.body[read:].count(b"event: done") == 1
            assert slow.body[read:].count(b"id: ") <= 2
            assert b"The image is here" in slow.body[read:]

    play(redis_server.url, story)


def test_an_idle_viewer_hears_a_heartbeat(
    job: Job, users: Users, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "HEARTBEAT_SECONDS", 0.05)

    async def story(live: Live) -> None:
        async with page(live, job, users.viewer.pk) as viewer:
            await viewer.until(lambda: viewer.body.count(b": still here\n\n") >= 3)

    play(redis_server.url, story)


def test_who_may_no_longer_watch_is_let_go(
    job: Job, users: Users, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "HEARTBEAT_SECONDS", 0.05)
    monkeypatch.setattr(app, "RECHECK_SECONDS", 0.0)

    async def story(live: Live) -> None:
        async with page(live, job, users.viewer.pk) as viewer:
            await viewer.event()
            await in_thread(lambda: users.viewer.memberships.all().delete())
            await viewer.ended()

    play(redis_server.url, story)


def test_a_program_whose_token_is_revoked_is_let_go(
    job: Job, users: Users, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "HEARTBEAT_SECONDS", 0.05)
    monkeypatch.setattr(app, "RECHECK_SECONDS", 0.0)
    row, token = issue_token(users.viewer)
    headers = {"authorization": f"Bearer {token}"}

    async def story(live: Live) -> None:
        async with Viewer(live, f"/api/v1/jobs/{job.pk}/events", headers=headers) as viewer:
            await viewer.event()
            await in_thread(lambda: revoke_token(row, by=users.viewer))
            await viewer.ended()

    play(redis_server.url, story)


def test_closing_lets_every_viewer_go(job: Job, users: Users, redis_server: RedisServer) -> None:
    async def story(live: Live) -> None:
        async with page(live, job, users.viewer.pk) as one, page(live, job, users.admin.pk) as two:
            await one.event()
            await two.event()
            await live.close()
            await one.ended()
            await two.ended()
            assert len(live.hub) == 0

    play(redis_server.url, story)

"""Streams from Redis to viewers: what arrives, in which order, and what happens when something breaks.

A real Redis, the real database; the viewers stand where the ASGI server would.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from dashboard import tickets
from dashboard.live import Live, app, channel, feeds
from dashboard.live.threads import in_thread
from tests.conftest import Users
from tests.support.asgi import Viewer
from tests.support.redis import RedisServer
from worker.models import Job, JobKind, JobState, Project
from worker.progress import ErrorInfo, LayerSnapshot, Snapshot, announce, job_key, project_key, publish
from worker.services import issue_token

pytestmark = [pytest.mark.services, pytest.mark.django_db(transaction=True)]

Story = Callable[[Live], Awaitable[None]]


def play(url: str, story: Story) -> None:
    """Run ``story`` with a fresh set of streams."""

    async def run() -> None:
        live = Live(url)
        try:
            await story(live)
        finally:
            await live.close()

    asyncio.run(run())


@pytest.fixture
def job(project: Project, users: Users, redis_server: RedisServer) -> Job:
    now = timezone.now()
    return Job.objects.create(
        project=project,
        kind=JobKind.PULL,
        state=JobState.RUNNING,
        reference="localhost:5000/php:8",
        created_by=users.operator,
        sent_at=now,
        started_at=now,
        heartbeat_at=now,
    )


def snapshot(job: Job, done: int = 0, state: str = "running") -> Snapshot:
    layer = LayerSnapshot(
        0, "sha256:" + "b" * 64, "sha256:" + "d" * 64, 1000, "downloading", done=done, fetched=done
    )
    return Snapshot(
        job=job.pk,
        state=state,
        kind="pull",
        reference=job.reference,
        layers=(layer,),
        fetched=done,
        to_fetch=1000,
        done=done,
        total=1000,
        at=timezone.now().isoformat(),
    )


def end(job: Job, state: JobState = JobState.SUCCEEDED) -> None:
    """End the job as the worker does: the row, then the stream."""
    last = snapshot(job, 1000, state.value)
    Job.objects.filter(pk=job.pk).update(state=state, finished_at=timezone.now(), progress=last.to_dict())
    publish(last)


def page(live: Live, job: Job, user_id: int, **headers: str) -> Viewer:
    query = f"ticket={tickets.issue('job', job.pk, user_id)}"
    return Viewer(
        live, f"/live/jobs/{job.pk}", query, headers={k.replace("_", "-"): v for k, v in headers.items()}
    )


def test_a_viewer_sees_where_the_job_stands_then_each_change_then_the_end(
    job: Job, users: Users, redis_server: RedisServer
) -> None:
    async def story(live: Live) -> None:
        await asyncio.to_thread(publish, snapshot(job, 100))
        async with page(live, job, users.viewer.pk) as viewer:
            first = await viewer.event()
            assert viewer.status == 200
            assert viewer.headers["content-type"].startswith("text/event-stream")
            assert b"retry: " in viewer.body
            assert "100 B of 1000 B" in first.data
            assert first.name == ""
            assert first.id.endswith("-0")
            await asyncio.to_thread(publish, snapshot(job, 700))
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
        await asyncio.to_thread(publish, snapshot(job, 100))
        async with page(live, job, users.viewer.pk) as viewer:
            seen = (await viewer.event()).id
        for done in (200, 300):
            await asyncio.to_thread(publish, snapshot(job, done))
        async with page(live, job, users.viewer.pk, last_event_id=seen) as viewer:
            assert "300 B of 1000 B" in (await viewer.event()).data
        await in_thread(lambda: end(job))
        async with page(live, job, users.viewer.pk, last_event_id=seen) as viewer:
            assert "The image is here" in (await viewer.event()).data
            assert (await viewer.event()).name == "done"

    play(redis_server.url, story)


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
        await asyncio.to_thread(publish, snapshot(job, 100))
        viewers = [page(live, job, user) for user in (users.viewer.pk, users.admin.pk, users.superuser.pk)]
        async with viewers[0], viewers[1], viewers[2]:
            for viewer in viewers:
                await viewer.event_with("100 B")
            assert len(live.hub) == 1
            blocked = [c for c in redis_server.client.client_list() if c["cmd"] == "xread"]
            assert len(blocked) <= 1
            await asyncio.to_thread(publish, snapshot(job, 500))
            events = [await viewer.event_with("500 B") for viewer in viewers]
            assert len({event.data for event in events}) == 1
            assert rendered.count(500) == 1

    play(redis_server.url, story)


def test_a_slow_viewer_gets_the_newest_state_and_holds_nobody_up(
    job: Job, users: Users, redis_server: RedisServer
) -> None:
    async def story(live: Live) -> None:
        await asyncio.to_thread(publish, snapshot(job, 1))
        async with page(live, job, users.viewer.pk) as slow, page(live, job, users.admin.pk) as quick:
            await slow.event()
            slow.may_read.clear()
            for done in range(2, 60):
                await asyncio.to_thread(publish, snapshot(job, done))
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


def test_when_redis_goes_the_page_says_so_and_recovers(
    job: Job, users: Users, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel, "RETRY_SECONDS", 0.05)

    async def story(live: Live) -> None:
        await asyncio.to_thread(publish, snapshot(job, 100))
        async with page(live, job, users.viewer.pk) as viewer:
            await viewer.event_with("100 B")
            await asyncio.to_thread(redis_server.stop)
            notice = await viewer.event_with("Live updates are interrupted; trying again.")
            assert 'hx-target="#live-status"' in notice.data
            async with page(live, job, users.viewer.pk) as late:
                await late.event_with("Live updates are interrupted")
            await asyncio.to_thread(redis_server.start)
            while "#live-status" not in (event := await viewer.event()).data:
                pass
            assert "interrupted" not in event.data
            await asyncio.to_thread(publish, snapshot(job, 900))
            await viewer.event_with("900 B")

    play(redis_server.url, story)


def test_a_job_that_ends_while_redis_is_gone_is_told_from_its_row(
    job: Job, users: Users, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channel, "RETRY_SECONDS", 0.05)

    async def story(live: Live) -> None:
        await asyncio.to_thread(publish, snapshot(job, 100))
        async with page(live, job, users.viewer.pk) as viewer:
            await viewer.event_with("100 B")
            await asyncio.to_thread(redis_server.stop)
            await in_thread(lambda: end(job))
            await viewer.event_named("done")
            await viewer.ended()

    play(redis_server.url, story)
    redis_server.start()


def test_a_quiet_job_is_looked_up_in_the_catalog(
    job: Job, users: Users, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An entry that Redis never got would otherwise leave the page waiting for ever."""
    monkeypatch.setattr(feeds, "BLOCK_SECONDS", 0.1)

    async def story(live: Live) -> None:
        await asyncio.to_thread(publish, snapshot(job, 100))
        async with page(live, job, users.viewer.pk) as viewer:
            await viewer.event_with("100 B")
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
        await asyncio.to_thread(publish, snapshot(job, 100))
        async with page(live, job, users.viewer.pk) as viewer:
            await viewer.event_with("100 B")
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
        await asyncio.to_thread(publish, snapshot(job, 100))
        async with page(live, job, users.viewer.pk) as early:
            await early.event_with("100 B")
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
        await asyncio.to_thread(publish, snapshot(job, 1000, "succeeded"))
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
        await asyncio.to_thread(publish, snapshot(job, 1000, "succeeded"))
        async with page(live, job, users.viewer.pk) as viewer:
            await viewer.event_with(">running<")
            assert b"event: done" not in viewer.body
            await in_thread(lambda: Job.objects.filter(pk=job.pk).update(state=JobState.SUCCEEDED))
            await viewer.event_named("done")

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


def test_a_project_s_topics_are_told_by_name(
    project: Project, users: Users, redis_server: RedisServer
) -> None:
    async def story(live: Live) -> None:
        ticket = tickets.issue("project", project.pk, users.viewer.pk)
        async with Viewer(live, f"/live/projects/{project.pk}", f"ticket={ticket}") as viewer:
            await viewer.until(lambda: viewer.status != 0)
            await asyncio.to_thread(announce, project.pk, "images")
            event = await viewer.event()
            assert (event.name, event.data) == ("images", "images")

    play(redis_server.url, story)


def test_a_burst_of_one_topic_is_told_once_a_second(
    project: Project, users: Users, redis_server: RedisServer
) -> None:
    async def story(live: Live) -> None:
        ticket = tickets.issue("project", project.pk, users.viewer.pk)
        async with Viewer(live, f"/live/projects/{project.pk}", f"ticket={ticket}") as viewer:
            await viewer.until(lambda: viewer.status != 0)
            for _ in range(50):
                await asyncio.to_thread(announce, project.pk, "jobs")
            await asyncio.to_thread(announce, project.pk, "images")
            await viewer.event_named("images")
            assert viewer.body.count(b"event: jobs") <= 2

    play(redis_server.url, story)


def test_what_happened_since_the_page_was_made_is_told(
    project: Project, users: Users, redis_server: RedisServer
) -> None:
    """Between a page and its stream lies a moment; the ticket knows when the page was made."""
    ticket = tickets.issue("project", project.pk, users.viewer.pk)
    redis_server.client.xadd(project_key(project.pk), {"topic": "schedules"}, id="1000-0")
    announce(project.pk, "containers")

    async def story(live: Live) -> None:
        for _ in range(2):  # the first one starts the reader, the second one joins it
            async with Viewer(live, f"/live/projects/{project.pk}", f"ticket={ticket}") as viewer:
                assert (await viewer.event()).name == "containers"
        async with Viewer(live, f"/live/projects/{project.pk}", f"ticket={ticket}") as first:
            seen = (await first.event()).id
            await asyncio.to_thread(announce, project.pk, "registries")
            await first.event_named("registries")
            back = {"last-event-id": seen}
            async with Viewer(
                live, f"/live/projects/{project.pk}", f"ticket={ticket}", headers=back
            ) as second:
                assert (await second.event()).name == "registries"

    play(redis_server.url, story)


def test_after_an_interruption_a_page_looks_at_everything_once(
    project: Project, users: Users, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Redis that starts anew has forgotten what was announced."""
    monkeypatch.setattr(channel, "RETRY_SECONDS", 0.05)

    async def story(live: Live) -> None:
        ticket = tickets.issue("project", project.pk, users.viewer.pk)
        async with Viewer(live, f"/live/projects/{project.pk}", f"ticket={ticket}") as viewer:
            await viewer.until(lambda: viewer.status != 0)
            await asyncio.to_thread(redis_server.stop)
            await viewer.event_with("Live updates are interrupted")
            await asyncio.to_thread(redis_server.start)
            await viewer.event_named("registries")
            for topic in ("jobs", "images", "containers", "schedules"):
                assert f"event: {topic}\n".encode() in viewer.body

    play(redis_server.url, story)


def test_a_program_gets_whole_jobs_as_json(job: Job, users: Users, redis_server: RedisServer) -> None:
    _, token = issue_token(users.viewer)
    failure = ErrorInfo("unauthorized", "The registry wants credentials.", "Enter them.")

    async def story(live: Live) -> None:
        await asyncio.to_thread(publish, snapshot(job, 100))
        headers = {"authorization": f"Bearer {token}"}
        async with Viewer(live, f"/api/v1/jobs/{job.pk}/events", headers=headers) as viewer:
            told = json.loads((await viewer.event()).data)
            assert (told["id"], told["state"], told["progress"]["done"]) == (job.pk, "running", 100)
            fields = {"state": "failed", "error_code": failure.code, "error_message": failure.message}
            await in_thread(lambda: Job.objects.filter(pk=job.pk).update(**fields, error_hint=failure.hint))
            await asyncio.to_thread(publish, replace(snapshot(job, 100, "failed"), error=failure))
            told = json.loads((await viewer.event_with('"failed"')).data)
            assert told["error"] == {"code": failure.code, "message": failure.message, "hint": failure.hint}
            last = await viewer.event()
            assert (last.name, json.loads(last.data)) == ("done", {"state": "failed"})
            await viewer.ended()

    play(redis_server.url, story)

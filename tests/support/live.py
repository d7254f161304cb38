"""Scenes for tests of live streams: a running job, its snapshots, and a set of streams to watch it by."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from django.utils import timezone

from dashboard import tickets
from dashboard.live import Live
from tests.dashboard.catalog import make_image
from tests.support.asgi import Viewer
from worker.models import Job, JobKind, JobState, Project
from worker.progress import LayerSnapshot, Snapshot, publish

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


def running_job(project: Project) -> Job:
    """Return a job that pulls an image which is here already, so that the job may end at any time."""
    now = timezone.now()
    return Job.objects.create(
        project=project,
        kind=JobKind.PULL,
        state=JobState.RUNNING,
        reference="localhost:5000/php:8",
        image=make_image(project, "php", "b", host="localhost:5000", tags=["8"]),
        sent_at=now,
        started_at=now,
        heartbeat_at=now,
    )


def snapshot(job: Job, done: int = 0, state: str = "running") -> Snapshot:
    """Return a snapshot of a pull of one layer of 1000 bytes."""
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


async def tell(shot: Snapshot) -> None:
    """Publish ``shot``, as the worker does; from within a story."""
    await asyncio.to_thread(publish, shot)


def page(live: Live, job: Job, user_id: int, **headers: str) -> Viewer:
    """Return a page of ``user_id`` that watches ``job``."""
    return _page(live, "job", job.pk, user_id, **headers)


def project_page(live: Live, project: Project, user_id: int) -> Viewer:
    """Return a page of ``user_id`` that watches ``project``."""
    return _page(live, "project", project.pk, user_id)


@asynccontextmanager
async def watching(live: Live, job: Job, user_id: int) -> AsyncIterator[Viewer]:
    """A page of ``user_id`` that has seen ``job`` stand at 100 bytes, and looks on."""
    await tell(snapshot(job, 100))
    async with page(live, job, user_id) as viewer:
        await viewer.event_with("100 B")
        yield viewer


def _page(live: Live, kind: tickets.Kind, id: int, user_id: int, **headers: str) -> Viewer:
    ticket = tickets.issue(kind, id, user_id)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Viewer(live, f"/live/{kind}s/{id}", f"ticket={ticket}", headers=named)

"""What an unfinished job waits for, in words: a page that stands still says why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from worker.models import STORAGE_KINDS, Job, JobKind, JobState

SEND_GRACE = timedelta(seconds=5)
"""Handing a job to its queue takes a moment; after this, the queue cannot be reached."""

TAKE_GRACE = timedelta(seconds=10)
"""A free worker takes a job at once; after this, with no job of its queue running, no worker is there."""

HEARTBEAT_GRACE = timedelta(seconds=25)
"""A running job shows a sign of life every ten seconds."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A sentence, what to do about it, and whether it should worry the reader."""

    message: str
    hint: str = ""
    is_trouble: bool = False


def waiting(job: Job) -> Waiting | None:
    """Return what ``job`` waits for; None if it moves or has ended. Asks the database, not the queue."""
    now = timezone.now()
    if job.state == JobState.RUNNING:
        return _running(job, now)
    if job.state != JobState.QUEUED:
        return None
    if job.sent_at is None:
        return _unsent(job, now - job.created_at > SEND_GRACE)
    if running := _running_beside(job):
        others = "another job is running" if running == 1 else f"{running} other jobs are running"
        return Waiting(f"It waits for a free worker: {others}.")
    if now - job.sent_at > TAKE_GRACE:
        return Waiting(
            "No worker has taken it so far.",
            f"Check that the worker runs, and that it serves the queue “{job.queue}”.",
            is_trouble=True,
        )
    return Waiting("It is about to begin.")


def _running(job: Job, now: datetime) -> Waiting | None:
    if job.cancel_requested_at is not None:
        return Waiting("It is being cancelled.")
    if job.heartbeat_at is not None and now - job.heartbeat_at > HEARTBEAT_GRACE:
        return Waiting(
            "Its worker has shown no sign of life for a while.",
            "If it does not come back, another worker takes the job over by itself; finished parts are kept.",
            is_trouble=True,
        )
    return None


def _unsent(job: Job, is_late: bool) -> Waiting:
    if job.attempt:
        return Waiting(
            "The worker that ran it is gone; the job is taken up again by itself.", "Finished parts are kept."
        )
    if is_late:
        return Waiting(
            "It could not be handed to the queue: Redis cannot be reached.",
            "It is handed over by itself as soon as Redis and the workers are back.",
            is_trouble=True,
        )
    return Waiting("It is being handed to the queue.")


def _running_beside(job: Job) -> int:
    """Count the jobs that run on the same queue."""
    kinds = STORAGE_KINDS if job.kind in STORAGE_KINDS else (job.kind,)
    running = Job.objects.filter(kind__in=kinds, state=JobState.RUNNING)
    if job.kind == JobKind.CONTAINER and job.container is not None:
        running = running.filter(container__node=job.container.node)
    return running.count()

"""What keeps jobs from getting lost: with a worker that died, or with a message that did."""

from __future__ import annotations

import logging
from collections import defaultdict
from datetime import timedelta

import redis
from django.conf import settings
from django.db.models import F
from django.utils.timezone import now

from worker.models import Job, JobState
from worker.progress import announce, client, of_job, publish
from worker.tasks.dispatch import send

logger = logging.getLogger(__name__)

MOST_LOSSES = 5
_UNCLAIMED = timedelta(seconds=15)


def requeue_stale() -> None:
    """Queue the running jobs again whose workers show no sign of life; give up on what kills its workers.

    Conditional on the heartbeat that was read: of two that find a job stale, one queues it.
    """
    limit = now() - timedelta(seconds=settings.STALE_SECONDS)
    for job in Job.objects.filter(state=JobState.RUNNING, heartbeat_at__lt=limit):
        mine = Job.objects.filter(
            pk=job.pk, state=JobState.RUNNING, attempt=job.attempt, heartbeat_at=job.heartbeat_at
        )
        lost = F("times_lost") + 1
        if job.cancel_requested_at is not None:
            changed = mine.update(state=JobState.CANCELLED, finished_at=now(), times_lost=lost)
        elif job.times_lost + 1 >= MOST_LOSSES:
            changed = mine.update(
                state=JobState.FAILED,
                finished_at=now(),
                times_lost=lost,
                error_code="worker_lost",
                error_message=f"The worker died {MOST_LOSSES} times while it ran this job.",
                error_hint="Look at the worker's log: it may have run out of memory.",
            )
        else:
            changed = mine.update(state=JobState.QUEUED, sent_at=None, heartbeat_at=None, times_lost=lost)
        if changed:
            job.refresh_from_db()
            logger.warning("job %s lost its worker: now %s", job.pk, job.state)
            publish(of_job(job))
            announce(job.project_id, "jobs")


def send_unclaimed() -> None:
    """Send the queued jobs (again) that no message in Redis stands for.

    A job may wait long because its queue is long; so a queue that holds as many messages as it has jobs is
    left alone.
    """
    queues: dict[str, list[Job]] = defaultdict(list)
    for job in (
        Job.objects.filter(state=JobState.QUEUED).select_related("container").order_by("created_at", "id")
    ):
        queues[job.queue].append(job)
    for queue, jobs in queues.items():
        if _messages(queue) < len(jobs):
            for job in jobs:
                if job.sent_at is None or job.sent_at < now() - _UNCLAIMED:
                    send(job)


def _messages(queue: str) -> int:
    try:
        return int(client().llen(queue))
    except redis.RedisError:
        return 0

"""Jobs that lost their worker, or their message."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils.timezone import now

from tests.support.redis import RedisServer
from worker.models import Job, JobKind, JobState, Project
from worker.tasks.keeping import MOST_LOSSES, requeue_stale, send_unclaimed


def running(project: Project, silent_for: float, **fields: object) -> Job:
    made = Job.objects.create(project=project, kind=JobKind.PULL, reference="r")
    job = Job.objects.claim(made.pk)
    assert job is not None
    Job.objects.filter(pk=job.pk).update(heartbeat_at=now() - timedelta(seconds=silent_for), **fields)
    job.refresh_from_db()
    return job


def queued(project: Project, sent_before: float | None) -> Job:
    sent_at = None if sent_before is None else now() - timedelta(seconds=sent_before)
    return Job.objects.create(project=project, kind=JobKind.PULL, reference="r", sent_at=sent_at)


def test_a_job_without_a_sign_of_life_is_queued_again(project: Project) -> None:
    silent, alive = running(project, 50), running(project, 40)
    requeue_stale()
    silent.refresh_from_db()
    alive.refresh_from_db()
    assert (silent.state, silent.times_lost, silent.sent_at) == (JobState.QUEUED, 1, None)
    assert alive.state == JobState.RUNNING
    assert not Job.objects.end(Job(pk=silent.pk, attempt=1), JobState.SUCCEEDED)


def test_one_that_kills_its_workers_is_given_up(project: Project) -> None:
    job = running(project, 50, times_lost=MOST_LOSSES - 1)
    requeue_stale()
    job.refresh_from_db()
    assert (job.state, job.error_code) == (JobState.FAILED, "worker_lost")
    assert job.error_message
    assert job.error_hint


def test_graceful_ends_do_not_count_as_losses(project: Project) -> None:
    job = running(project, 0)
    for _ in range(MOST_LOSSES + 1):
        assert Job.objects.put_back(job)
        claimed = Job.objects.claim(job.pk)
        assert claimed is not None
        job = claimed
    Job.objects.filter(pk=job.pk).update(heartbeat_at=now() - timedelta(seconds=50))
    requeue_stale()
    job.refresh_from_db()
    assert job.state == JobState.QUEUED


def test_a_wish_to_cancel_survives_the_worker(project: Project) -> None:
    job = running(project, 50, cancel_requested_at=now())
    requeue_stale()
    job.refresh_from_db()
    assert job.state == JobState.CANCELLED


def test_what_was_never_sent_is_sent(project: Project, redis_server: RedisServer) -> None:
    job = queued(project, None)
    send_unclaimed()
    assert redis_server.client.llen("pull") == 1
    job.refresh_from_db()
    assert job.sent_at is not None


def test_a_message_that_was_lost_is_sent_again(project: Project, redis_server: RedisServer) -> None:
    """Redis keeps nothing when it crashes."""
    queued(project, 16)
    queued(project, 5)
    send_unclaimed()
    assert redis_server.client.llen("pull") == 1


def test_a_long_queue_is_not_made_longer(project: Project, redis_server: RedisServer) -> None:
    for _ in range(3):
        queued(project, None)
    send_unclaimed()
    Job.objects.update(sent_at=now() - timedelta(hours=1))
    for _ in range(5):
        send_unclaimed()
    assert redis_server.client.llen("pull") == 3


def test_without_redis_nothing_breaks(project: Project) -> None:
    job = queued(project, None)
    send_unclaimed()
    job.refresh_from_db()
    assert job.sent_at is None


@pytest.mark.parametrize("state", [JobState.SUCCEEDED, JobState.CANCELLED])
def test_what_has_ended_rests(project: Project, redis_server: RedisServer, state: JobState) -> None:
    job = running(project, 500, state=state)
    requeue_stale()
    send_unclaimed()
    job.refresh_from_db()
    assert job.state == state
    assert redis_server.client.llen("pull") == 0

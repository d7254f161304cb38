"""One job, run in this process: however its work ends, the row says so."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator

import pytest
from django.db import connection
from django.utils.timezone import now
from pytest_django import Settings

from tests.support.redis import RedisServer
from tests.support.workers import wait_for
from worker.engine.cancel import CancelToken
from worker.engine.errors import ConnectionLost, DiskFull
from worker.engine.events import LayerPlan, Planned
from worker.models import Job, JobKind, JobState, Project
from worker.progress import Snapshot, job_key
from worker.tasks import stopping
from worker.tasks.running import Outcome, Run, busy, run_job

# The watch has a connection of its own, so what it should see must be committed.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def job(project: Project) -> Job:
    return Job.objects.create(project=project, kind=JobKind.PULL, reference="docker.io/library/alpine:latest")


@pytest.fixture
def worker_ends() -> Iterator[Callable[[], None]]:
    yield stopping.stop
    stopping._shared[0] = 0


def until_cancelled(run: Run) -> Outcome:
    run.cancel.wait(20)
    raise AssertionError("nobody cancelled")


def told(redis_server: RedisServer, job: Job) -> list[str]:
    """The states that the job's stream has told of."""
    entries = redis_server.client.xrange(job_key(job.pk))
    return [Snapshot.from_json(fields[b"data"]).state for _, fields in entries]


def test_success_is_written_with_its_facts(job: Job) -> None:
    def work(run: Run) -> Outcome:
        assert busy()
        run.listener(Planned((LayerPlan(0, "sha256:a", "sha256:b", 7, present=True),)))
        return Outcome({"unchanged": True})

    assert run_job(job.pk, work) is JobState.SUCCEEDED
    assert not busy()
    job.refresh_from_db()
    assert job.state == JobState.SUCCEEDED
    assert job.result["unchanged"] is True
    assert job.result["seconds"] >= 0
    assert job.finished_at is not None
    assert (job.progress["state"], job.progress["present_bytes"]) == ("succeeded", 7)


def test_a_failure_is_written_in_the_words_of_its_error(job: Job) -> None:
    def work(run: Run) -> Outcome:
        raise DiskFull("The disk is full.")

    assert run_job(job.pk, work) is JobState.FAILED
    job.refresh_from_db()
    assert (job.error_code, job.error_message, job.error_hint) == (
        "disk_full", "The disk is full.", DiskFull.default_hint,
    )  # fmt: skip
    assert job.progress["error"]["code"] == "disk_full"


def test_a_surprise_shows_its_traceback_to_the_log_only(job: Job, caplog: pytest.LogCaptureFixture) -> None:
    def work(run: Run) -> Outcome:
        raise ZeroDivisionError("secret detail")

    with caplog.at_level(logging.ERROR):
        assert run_job(job.pk, work) is JobState.FAILED
    job.refresh_from_db()
    assert job.error_code == "internal_error"
    assert "secret detail" not in job.error_message + job.error_hint
    assert "secret detail" in caplog.text


def test_a_wish_to_cancel_is_noticed_within_a_second(job: Job) -> None:
    def work(run: Run) -> Outcome:
        Job.objects.filter(pk=job.pk).update(cancel_requested_at=now())
        return until_cancelled(run)

    begun = time.monotonic()
    assert run_job(job.pk, work) is JobState.CANCELLED
    assert time.monotonic() - begun < 1
    job.refresh_from_db()
    assert (job.state, job.error_code) == (JobState.CANCELLED, "")


def test_what_a_cancel_interrupts_may_complain(job: Job) -> None:
    """A socket that was shut down looks like a lost connection; the row must not call that a failure."""

    def work(run: Run) -> Outcome:
        Job.objects.filter(pk=job.pk).update(cancel_requested_at=now())
        while not run.cancel.cancelled:
            time.sleep(0.01)
        raise ConnectionLost("The connection was lost.")

    assert run_job(job.pk, work) is JobState.CANCELLED


def test_a_worker_that_ends_puts_the_job_back(job: Job, worker_ends: Callable[[], None]) -> None:
    def work(run: Run) -> Outcome:
        worker_ends()
        return until_cancelled(run)

    assert run_job(job.pk, work) is JobState.QUEUED
    job.refresh_from_db()
    assert (job.state, job.attempt, job.sent_at, job.times_lost) == (JobState.QUEUED, 1, None, 0)
    assert job.finished_at is None


def test_a_worker_that_ends_begins_nothing(job: Job, worker_ends: Callable[[], None]) -> None:
    Job.objects.filter(pk=job.pk).update(sent_at=now())
    worker_ends()
    assert run_job(job.pk, until_cancelled) is None
    job.refresh_from_db()
    assert (job.state, job.attempt, job.sent_at) == (JobState.QUEUED, 0, None)


def test_one_that_was_taken_over_ends_and_writes_nothing(job: Job) -> None:
    """It was believed dead (a machine that slept); its successor's attempt must stand."""

    def work(run: Run) -> Outcome:
        Job.objects.filter(pk=job.pk).update(state=JobState.QUEUED)
        assert Job.objects.claim(job.pk) is not None
        return until_cancelled(run)

    assert run_job(job.pk, work) is None
    job.refresh_from_db()
    assert (job.state, job.attempt, job.progress) == (JobState.RUNNING, 2, {})


def test_the_end_of_one_that_was_taken_over_is_not_written_either(job: Job) -> None:
    def work(run: Run) -> Outcome:
        Job.objects.filter(pk=job.pk).update(state=JobState.QUEUED)
        Job.objects.claim(job.pk)
        return Outcome({"from": "a zombie"})

    assert run_job(job.pk, work) is None
    job.refresh_from_db()
    assert (job.state, job.result) == (JobState.RUNNING, {})


def test_the_stream_tells_an_end_once(job: Job, redis_server: RedisServer) -> None:
    run_job(job.pk, lambda run: Outcome())
    assert told(redis_server, job).count("succeeded") == 1
    assert told(redis_server, job)[-1] == "succeeded"


def test_the_stream_tells_no_end_that_the_row_does_not_have(job: Job, redis_server: RedisServer) -> None:
    def work(run: Run) -> Outcome:
        Job.objects.filter(pk=job.pk).update(attempt=2)
        return Outcome()

    assert run_job(job.pk, work) is None
    assert "succeeded" not in told(redis_server, job)


def test_a_job_whose_row_is_gone_ends(job: Job) -> None:
    def work(run: Run) -> Outcome:
        Job.objects.all().delete()
        return until_cancelled(run)

    assert run_job(job.pk, work) is None


def test_a_running_job_beats(job: Job, settings: Settings) -> None:
    settings.HEARTBEAT_SECONDS = 0.1

    def work(run: Run) -> Outcome:
        first = run.job.heartbeat_at
        wait_for(lambda: Job.objects.get(pk=job.pk).heartbeat_at != first, 10)
        return Outcome()

    assert run_job(job.pk, work) is JobState.SUCCEEDED


def test_a_second_message_for_the_same_job_does_nothing(job: Job) -> None:
    ran = []
    for _ in range(2):
        run_job(job.pk, lambda run: ran.append(run.job.pk) or Outcome())  # type: ignore[func-returns-value]
    assert ran == [job.pk]


def test_whoever_runs_it_may_bring_the_token(job: Job) -> None:
    """The command line cancels by Ctrl-C."""
    token = CancelToken()
    token.cancel()
    assert run_job(job.pk, until_cancelled, token) is JobState.CANCELLED


def test_the_threads_leave_no_connection_behind(job: Job) -> None:
    """SQLite would keep its file open, PostgreSQL a backend."""
    run_job(job.pk, lambda run: Outcome())
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
            assert cursor.fetchone() == (1,)

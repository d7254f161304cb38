"""Engine events become snapshots: throttled, never lost at the end, and harmless without Redis."""

from __future__ import annotations

import threading
import time

import pytest

from tests.support.redis import RedisServer
from tests.support.workers import wait_for
from worker.engine.events import Keeping, LayerPlan, LayerProgress, Phase, Planned, Resolved, Retrying
from worker.models import Job, JobKind, JobState, Project
from worker.progress import ErrorInfo, Reporter, Snapshot, announce, job_key, latest, project_key, publish

MIB = 2**20
PLAN = Planned(
    (
        LayerPlan(0, "sha256:" + "a" * 64, "sha256:" + "1" * 64, 10 * MIB, present=True),
        LayerPlan(1, "sha256:" + "b" * 64, "sha256:" + "2" * 64, 20 * MIB, present=False),
    )
)


@pytest.fixture
def job(project: Project) -> Job:
    made = Job.objects.create(project=project, kind=JobKind.PULL, reference="docker.io/library/alpine:latest")
    claimed = Job.objects.claim(made.pk)
    assert claimed is not None
    return claimed


class Inbox:
    """Takes snapshots, as Redis would."""

    def __init__(self) -> None:
        self.snapshots: list[Snapshot] = []

    def __call__(self, snapshot: Snapshot) -> bool:
        self.snapshots.append(snapshot)
        return True


def test_a_snapshot_says_how_far_everything_is(job: Job) -> None:
    reporter = Reporter(job, Inbox())
    reporter(Resolved("docker.io/library/alpine:latest", "sha256:" + "c" * 64, "linux/amd64"))
    reporter(PLAN)
    reporter(LayerProgress(1, Phase.DOWNLOADING, 5 * MIB, 20 * MIB, fetched=3 * MIB, unpacked=12 * MIB))
    now = reporter.snapshot()
    assert (now.state, now.platform, now.digest) == ("running", "linux/amd64", "sha256:" + "c" * 64)
    assert [layer.phase for layer in now.layers] == ["already here", "downloading"]
    assert (now.present_bytes, now.to_fetch, now.fetched) == (10 * MIB, 20 * MIB, 3 * MIB)
    assert (now.done, now.total) == (15 * MIB, 30 * MIB)
    assert now.layers[1].unpacked == 12 * MIB


def test_the_total_never_goes_backwards(job: Job) -> None:
    """A layer that is downloaded, then extracted, counts its bytes twice but moves the total once."""
    reporter = Reporter(job, Inbox())
    reporter(PLAN)
    reporter(LayerProgress(1, Phase.DOWNLOADING, 20 * MIB, 20 * MIB, fetched=20 * MIB))
    reporter(LayerProgress(1, Phase.EXTRACTING, 1 * MIB, 20 * MIB, fetched=20 * MIB))
    assert reporter.snapshot().done == 30 * MIB
    assert reporter.snapshot().layers[1].done == 1 * MIB


def test_speed_and_time_left_come_from_what_moved(job: Job) -> None:
    reporter = Reporter(job, Inbox())
    reporter(PLAN)
    reporter(LayerProgress(1, Phase.DOWNLOADING, 0, 20 * MIB))
    assert reporter.snapshot().seconds_left is None
    time.sleep(0.2)
    reporter(LayerProgress(1, Phase.DOWNLOADING, 10 * MIB, 20 * MIB, fetched=10 * MIB))
    snapshot = reporter.snapshot()
    assert 5 * MIB < snapshot.speed < 51 * MIB
    assert snapshot.peak_speed == snapshot.speed
    assert snapshot.seconds_left == pytest.approx(10 * MIB / snapshot.speed, rel=0.1)
    reporter(LayerProgress(1, Phase.DONE, 20 * MIB, 20 * MIB, fetched=20 * MIB))
    ended = reporter.snapshot()
    assert (ended.speed, ended.peak_speed) == (0, snapshot.speed)


def test_what_somebody_else_downloads_for_us_has_a_speed_but_is_not_counted_as_ours(job: Job) -> None:
    reporter = Reporter(job, Inbox())
    reporter(PLAN)
    for done in (0, 4 * MIB, 8 * MIB):
        reporter(LayerProgress(1, Phase.DOWNLOADING, done, 20 * MIB, shared=True))
        now = reporter.snapshot()
        time.sleep(0.01)
    assert now.speed > 0
    assert now.seconds_left is not None
    assert (now.fetched, now.done) == (0, 18 * MIB)
    # Now it is ours: how far they came is no speed of our own.
    reporter(LayerProgress(1, Phase.DOWNLOADING, 16 * MIB, 20 * MIB))
    assert reporter.snapshot().speed == 0


def test_many_events_become_few_entries_and_the_last_one_counts(job: Job) -> None:
    inbox = Inbox()
    with Reporter(job, inbox) as reporter:
        reporter(PLAN)
        begun = time.monotonic()
        for done in range(600):
            reporter(LayerProgress(1, Phase.DOWNLOADING, done, 20 * MIB, fetched=done))
            time.sleep(0.001)
        took = time.monotonic() - begun
        # Nothing else comes: what came last must still get out.
        time.sleep(0.5)
        assert inbox.snapshots[-1].layers[1].done == 599
    assert len(inbox.snapshots) <= (took + 0.5) * 10 + 3


def test_events_may_come_from_several_threads(job: Job) -> None:
    layers = tuple(LayerPlan(i, f"sha256:{i:064}", f"sha256:{i:064}", 1000, present=False) for i in range(8))
    with Reporter(job, Inbox()) as reporter:
        reporter(Planned(layers))

        def work(position: int) -> None:
            for done in range(1001):
                reporter(LayerProgress(position, Phase.DOWNLOADING, done, 1000, fetched=done))

        threads = [threading.Thread(target=work, args=[position]) for position in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert reporter.snapshot().done == 8000


def test_a_retry_shows_until_bytes_come_again(job: Job) -> None:
    reporter = Reporter(job, Inbox())
    reporter(PLAN)
    reporter(Retrying(1, "The connection was lost.", 2, 1.5))
    retrying = reporter.snapshot().retrying
    assert retrying is not None
    assert (retrying.position, retrying.attempt, retrying.delay) == (1, 2, 1.5)
    reporter(LayerProgress(1, Phase.DOWNLOADING, 1, 20 * MIB, fetched=1))
    assert reporter.snapshot().retrying is None


def test_a_snapshot_survives_json(job: Job) -> None:
    reporter = Reporter(job, Inbox())
    reporter(PLAN)
    reporter(Retrying(None, "429", 1, 0.5))
    snapshot = reporter.snapshot()
    assert Snapshot.from_json(snapshot.to_json()) == snapshot
    failed = reporter.finish("failed", ErrorInfo("disk_full", "The disk is full.", "Free space."))
    assert Snapshot.from_dict(failed.to_dict()) == failed


def test_the_stream_ends_with_a_final_state(job: Job, redis_server: RedisServer) -> None:
    with Reporter(job) as reporter:
        reporter(PLAN)
    publish(reporter.finish("succeeded"))
    entries = redis_server.client.xrange(job_key(job.pk))
    assert Snapshot.from_json(entries[-1][1][b"data"]).state == "succeeded"
    assert 0 < redis_server.client.ttl(job_key(job.pk)) <= 24 * 60 * 60


def test_the_latest_of_an_active_job_is_in_redis_and_of_an_ended_one_in_its_row(
    job: Job, redis_server: RedisServer
) -> None:
    reporter = Reporter(job)
    reporter(PLAN)
    publish(reporter.snapshot())
    assert latest(job).total == 30 * MIB
    last = reporter.finish("succeeded")
    Job.objects.end(job, JobState.SUCCEEDED, progress=last.to_dict())
    job.refresh_from_db()
    redis_server.client.flushall()
    assert latest(job) == last


def test_the_row_answers_while_redis_is_gone(job: Job) -> None:
    assert latest(job).state == "running"
    assert latest(job).layers == ()


def test_a_failed_row_without_a_snapshot_says_why(job: Job) -> None:
    Job.objects.end(
        job, JobState.FAILED, error_code="worker_lost", error_message="It died.", error_hint="Look."
    )
    job.refresh_from_db()
    assert latest(job).error == ErrorInfo("worker_lost", "It died.", "Look.")


def test_without_redis_a_run_goes_on_unharmed(job: Job) -> None:
    begun = time.monotonic()
    with Reporter(job) as reporter:
        reporter(PLAN)
        for done in range(1000):
            reporter(LayerProgress(1, Phase.DOWNLOADING, done, 20 * MIB, fetched=done))
    assert publish(reporter.finish("succeeded")) is False
    announce(job.project_id, "jobs")
    assert time.monotonic() - begun < 10


def test_when_redis_comes_back_progress_does_too(job: Job, redis_server: RedisServer) -> None:
    redis_server.stop()
    with Reporter(job) as reporter:
        reporter(PLAN)
        time.sleep(0.3)
        redis_server.start()
        wait_for(lambda: redis_server.client.exists(job_key(job.pk)), 20)


def test_changes_are_announced_to_the_project(project: Project, redis_server: RedisServer) -> None:
    announce(project.pk, "images")
    assert [fields for _, fields in redis_server.client.xrange(project_key(project.pk))] == [
        {b"topic": b"images"}
    ]
    with pytest.raises(ValueError, match="nonsense"):
        announce(project.pk, "nonsense")


def test_a_job_of_the_store_tells_its_step_and_its_pace(job: Job) -> None:
    reporter = Reporter(job, Inbox())
    reporter(Keeping("reading blobs", 1, 4, 0, "sha256:a"))
    assert reporter.snapshot().speed == 0
    time.sleep(0.2)
    reporter(Keeping("reading blobs", 2, 4, 10 * MIB, "sha256:b"))
    snapshot = reporter.snapshot()
    assert snapshot.keeping is not None
    assert (snapshot.keeping.done, snapshot.keeping.total, snapshot.keeping.subject) == (2, 4, "sha256:b")
    assert 5 * MIB < snapshot.speed < 51 * MIB
    assert Snapshot.from_json(snapshot.to_json()) == snapshot
    # The next step counts from nothing: a jump back is no speed, and neither is the jump there.
    reporter(Keeping("comparing layers", 0, 2, 500 * MIB, ""))
    assert reporter.snapshot().speed == 0

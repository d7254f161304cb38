"""Pulls by real workers over a real Redis, from a registry on a socket."""

from __future__ import annotations

import time

import pytest

from samples.images import SampleImage
from samples.registry import SampleRegistry
from samples.slow import Bandwidth
from tests.support.redis import RedisServer
from tests.support.workers import Workers, wait_for
from tests.worker.integration.conftest import KIB, ended, noise, running, snapshot, succeeded
from worker import services
from worker.models import Image, Job, JobState, Layer, Project, Tag
from worker.progress import Snapshot, job_key

pytestmark = [pytest.mark.services, pytest.mark.timeout(170)]


def pull(project: Project, reference: str, **options: bool) -> Job:
    return services.start_pull(project, reference, insecure=True, by=None, **options)


def stall(registry: SampleRegistry, where: str, size: int) -> None:
    """Let blobs whose path holds ``where`` come slowly, and stop after ``size`` bytes."""
    registry.bandwidth = Bandwidth(4000 * KIB)
    registry.faults.where, registry.faults.stall = where, size


def go_on(registry: SampleRegistry) -> None:
    registry.bandwidth = registry.faults.stall = None


def fetches(registry: SampleRegistry, sample: SampleImage, position: int) -> list[str]:
    """The Range header of each GET of one layer's blob; "" for the whole."""
    path = f"/blobs/{sample.layers[position].digest}"
    return [
        request.headers.get("range", "")
        for request in registry.requests
        if request.method == "GET" and request.path.endswith(path)
    ]


def test_a_pull_from_end_to_end(
    workers: Workers, sample_registry: SampleRegistry, project: Project, redis_server: RedisServer
) -> None:
    """The image, its layers and its tag are in the catalog; whoever followed saw it begin and end."""
    sample = noise(50 * KIB, 80 * KIB)
    reference = sample_registry.push("app", "1", sample)
    log = workers.worker().log
    job = succeeded(pull(project, reference), 60, log)
    assert job.attempt == 1
    row = Image.objects.get()
    assert job.image == row
    assert row.digest == str(sample.digest)
    assert row.extracted
    assert [str(link.layer.diff_id) for link in row.image_layers.select_related("layer")] == [
        str(diff_id) for diff_id in sample.diff_ids
    ]
    assert row.compressed_size == sum(layer.size for layer in sample.layers)
    assert row.unpacked_size == sum(len(layer.tar) for layer in sample.layers)
    assert Tag.objects.get().image == row
    assert (job.result["unchanged"], job.result["layers_extracted"]) == (False, 2)
    entries = [
        Snapshot.from_json(fields[b"data"]) for _, fields in redis_server.client.xrange(job_key(job.pk))
    ]
    assert entries[0].state == "running"
    assert entries[-1].state == "succeeded"
    assert [layer.phase for layer in entries[-1].layers] == ["done", "done"]
    assert (entries[-1].done, entries[-1].fetched) == (row.compressed_size, row.compressed_size)
    assert snapshot(job) == entries[-1]

    again = succeeded(pull(project, reference), 60, log)
    assert (again.result["unchanged"], again.result["bytes_fetched"]) == (True, 0)
    assert again.image == row
    assert Image.objects.count() == 1


def test_a_pull_whose_worker_is_killed_goes_on_by_itself(
    workers: Workers, sample_registry: SampleRegistry, project: Project
) -> None:
    """The layer that was finished is not fetched again, the other one from where it stood."""
    sample = noise(60 * KIB, 3000 * KIB)
    reference = sample_registry.push("app", "1", sample)
    stall(sample_registry, str(sample.layers[1].digest), 1500 * KIB)
    workers.beat()
    first = workers.worker()
    job = pull(project, reference)
    wait_for(lambda: _moved(job, finished=0, fetched=1200 * KIB), 60, first.log)
    first.kill()
    go_on(sample_registry)
    second = workers.worker()
    job = succeeded(job, 60, second.log)
    assert (job.attempt, job.times_lost) == (2, 1)
    assert fetches(sample_registry, sample, 0) == [""]
    whole, rest = fetches(sample_registry, sample, 1)
    assert whole == ""
    assert int(rest.removeprefix("bytes=").rstrip("-").split("-")[0]) >= 1000 * KIB
    assert Image.objects.get().extracted


def test_a_worker_that_is_asked_to_end_puts_its_pull_back(
    workers: Workers, sample_registry: SampleRegistry, project: Project
) -> None:
    """``make run`` grants it two seconds (this machine may be busy); the next one goes on."""
    sample = noise(60 * KIB, 2000 * KIB)
    reference = sample_registry.push("app", "1", sample)
    stall(sample_registry, str(sample.layers[1].digest), 1000 * KIB)
    first = workers.worker()
    job = pull(project, reference)
    wait_for(lambda: _moved(job, finished=0, fetched=500 * KIB), 60, first.log)
    assert first.terminate() < 5
    job.refresh_from_db()
    assert (job.state, job.attempt, job.times_lost) == (JobState.QUEUED, 1, 0)
    go_on(sample_registry)
    second = workers.worker()
    workers.beat()
    job = succeeded(job, 60, second.log)
    assert (job.attempt, job.times_lost) == (2, 0)
    assert fetches(sample_registry, sample, 0) == [""]


def test_cancel_takes_effect_within_a_second_in_the_middle_of_a_blob(
    workers: Workers, sample_registry: SampleRegistry, project: Project
) -> None:
    sample = noise(2000 * KIB)
    reference = sample_registry.push("app", "1", sample)
    stall(sample_registry, "/blobs/", 1000 * KIB)
    log = workers.worker().log
    # The config is a blob too, but small: it comes through whole.
    job = pull(project, reference)
    wait_for(lambda: snapshot(job).fetched > 500 * KIB, 60, log)
    begun = time.monotonic()
    services.cancel(job, by=None)
    job = ended(job, 10, log)
    took = time.monotonic() - begun
    assert job.state == JobState.CANCELLED
    # One second is promised; this machine may be busy with other tests.
    assert took < 2
    assert not Image.objects.exists()
    assert job.progress["state"] == "cancelled"


def test_two_pulls_of_one_image_at_once_fetch_each_blob_once(
    workers: Workers, sample_registry: SampleRegistry, project: Project
) -> None:
    sample = noise(300 * KIB, 400 * KIB)
    reference = sample_registry.push("app", "1", sample)
    other = Project.objects.create(slug="other", name="Other")
    log = workers.worker().log
    jobs = [pull(project, reference), pull(other, reference)]
    for job in jobs:
        succeeded(job, 60, log)
    assert [len(fetches(sample_registry, sample, position)) for position in (0, 1)] == [1, 1]
    assert Image.objects.count() == 2
    assert Layer.objects.count() == 2


def test_an_image_that_was_only_fetched_is_extracted_by_a_job_of_its_own(
    workers: Workers, sample_registry: SampleRegistry, project: Project
) -> None:
    sample = noise(50 * KIB)
    reference = sample_registry.push("app", "1", sample)
    log = workers.worker().log
    fetched = succeeded(pull(project, reference, fetch_only=True), 60, log)
    assert fetched.image is not None
    assert (fetched.image.extracted, fetched.image.unpacked_size) == (False, None)
    before = len(sample_registry.requests)
    job = succeeded(services.start_extract(fetched.image, by=None), 60, log)
    assert job.image is not None
    assert job.image.extracted
    assert job.image.unpacked_size == len(sample.layers[0].tar)
    assert len(sample_registry.requests) == before


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"corrupt": True}, "digest_mismatch"),
        ({"truncate": 100}, "size_mismatch"),
        ({"missing": "/app/"}, ""),
    ],
)
def test_a_failed_pull_leaves_nothing_in_the_catalog(
    workers: Workers, sample_registry: SampleRegistry, project: Project, fault: dict[str, object], code: str
) -> None:
    sample = noise(50 * KIB)
    reference = sample_registry.push("app", "1", sample)
    sample_registry.faults.where = str(sample.layers[0].digest)
    for name, value in fault.items():
        setattr(sample_registry.faults, name, value)
    job = ended(pull(project, reference), 120, workers.worker().log)
    assert job.state == JobState.FAILED
    assert job.error_code == code or (not code and job.error_code.endswith("_not_found"))
    assert job.error_message
    assert job.error_hint
    assert job.progress["error"]["code"] == job.error_code
    assert not Image.objects.exists()
    assert not Layer.objects.exists()
    assert not list((workers.data / "store" / "layers" / "sha256").iterdir())


def test_redis_may_go_away_and_come_back(
    workers: Workers, sample_registry: SampleRegistry, project: Project, redis_server: RedisServer
) -> None:
    """The pull that runs goes on; one that was started meanwhile runs once Redis is back."""
    sample = noise(2000 * KIB)
    reference = sample_registry.push("app", "1", sample)
    stall(sample_registry, str(sample.layers[0].digest), 500 * KIB)
    log = workers.worker().log
    workers.beat()
    job = pull(project, reference)
    running(job, 30, log)
    wait_for(lambda: snapshot(job).fetched > 300 * KIB, 60, log)
    redis_server.stop()
    meanwhile = pull(project, sample_registry.push("small", "1", noise(10 * KIB)))
    assert meanwhile.state == JobState.QUEUED
    time.sleep(3)
    redis_server.start()
    succeeded(meanwhile, 60, log)
    job.refresh_from_db()
    assert (job.state, job.attempt) == (JobState.RUNNING, 1)
    # Its progress shows again, too.
    wait_for(lambda: redis_server.client.exists(job_key(job.pk)), 20, log)
    services.cancel(job, by=None)
    assert ended(job, 20, log).state == JobState.CANCELLED


def _moved(job: Job, *, finished: int, fetched: int) -> bool:
    now = snapshot(job)
    return bool(now.layers) and now.layers[finished].phase == "done" and now.fetched > fetched

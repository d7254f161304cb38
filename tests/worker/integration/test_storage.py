"""What keeps the store in order, done by real workers."""

from __future__ import annotations

import pytest
from django.conf import settings

from samples.registry import SampleRegistry
from tests.support.workers import Workers, wait_for
from tests.worker.integration.conftest import KIB, ended, noise, running, succeeded
from worker import services
from worker.engine.store import Store
from worker.models import Image, JobState, Layer, Project, RemovedManifest, StoreSurvey

pytestmark = [pytest.mark.services, pytest.mark.timeout(170)]


def test_remove_collect_scrub_and_measure(
    workers: Workers, sample_registry: SampleRegistry, project: Project
) -> None:
    log = workers.worker().log
    store = Store(settings.STORE_DIR)
    for name in ("kept", "gone"):
        reference = sample_registry.push(name, "1", noise(50 * KIB))
        succeeded(services.start_pull(project, reference, insecure=True, by=None), 60, log)
    services.remove_image(Image.objects.get(repository="gone"), by=None)
    # A worker takes it off the lists; nobody has to collect for that.
    wait_for(lambda: not RemovedManifest.objects.exists(), 30, log)
    assert [listed.name.rpartition("/")[2] for listed in store.images.all()] == ["kept:1"]
    collected = succeeded(services.start_collect(project, by=None), 60, log)
    assert collected.result["kinds"]["layer"]["count"] == 1
    scrubbed = succeeded(services.start_scrub(project, repair=True, by=None), 60, log)
    assert (scrubbed.result["layers"], scrubbed.result["found"]) == (1, 0)
    assert services.measure_storage(by=None)
    wait_for(lambda: StoreSurvey.objects.filter(measured_at__isnull=False).exists(), 30, log)
    survey = services.refresh_storage()
    assert survey.kinds["trees"]["count"] == 1
    assert not services.is_measured_now(survey)


def test_images_are_removed_and_their_trees_measured_by_workers(
    workers: Workers, sample_registry: SampleRegistry, project: Project
) -> None:
    """Without a collection; and what was never measured is, soon after it was pulled."""
    log = workers.worker().log
    workers.beat()
    store = Store(settings.STORE_DIR)
    for name in ("kept", "gone"):
        reference = sample_registry.push(name, "1", noise(50 * KIB))
        succeeded(services.start_pull(project, reference, insecure=True, by=None), 60, log)
    wait_for(lambda: not Layer.objects.filter(tree_bytes=None).exists(), 60, log)
    gone = Image.objects.get(repository="gone")
    what = services.what_would_go([gone], by=None)
    job = succeeded(services.remove_images([gone], mark=what.mark, by=None), 60, log)
    assert job.result["bytes"] == job.result["foreseen"] == what.freed > 50 * KIB
    assert [listed.name.rpartition("/")[2] for listed in store.images.all()] == ["kept:1"]
    assert len(list((store.root / "layers" / "sha256").iterdir())) == 1


def test_a_scrub_whose_worker_was_killed_is_done_by_another(
    workers: Workers, sample_registry: SampleRegistry, project: Project
) -> None:
    first = workers.worker()
    reference = sample_registry.push("app", "1", noise(50 * KIB, 40_000 * KIB, 40_000 * KIB))
    succeeded(services.start_pull(project, reference, insecure=True, by=None), 60, first.log)
    workers.beat()
    job = services.start_scrub(project, repair=False, by=None)
    running(job, 30, first.log)
    first.kill()
    second = workers.worker()
    row = ended(job, 90, second.log)
    assert (row.state, row.result["found"]) == (JobState.SUCCEEDED, 0)

"""Who hears of a rebuild of the catalog."""

from __future__ import annotations

from pathlib import Path

import pytest

from samples.images import image, layer
from samples.registry import SampleRegistry
from tests.support.redis import RedisServer
from worker import services
from worker.models import Image, JobState, Project
from worker.progress import project_key
from worker.tasks.pulling import pull_image
from worker.tasks.running import run_job
from worker.tasks.storing import keep

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.services]


@pytest.mark.parametrize("lost", [True, False])
def test_pages_that_show_images_hear_of_those_that_came_back(
    lost: bool, project: Project, sample_registry: SampleRegistry, redis_server: RedisServer, data_dir: Path
) -> None:
    """And are left alone if none did."""
    reference = sample_registry.push("app", "1", image([layer({"app": b"1"})]))
    pull = services.start_pull(project, reference, insecure=True, by=None)
    assert run_job(pull.pk, pull_image) is JobState.SUCCEEDED
    if lost:
        Image.objects.all().delete()
    redis_server.client.delete(project_key(project.pk))
    assert run_job(services.start_rebuild(project, by=None).pk, keep) is JobState.SUCCEEDED
    topics = {fields[b"topic"] for _, fields in redis_server.client.xrange(project_key(project.pk))}
    assert topics == {b"jobs", b"storage"} | ({b"images"} if lost else set())

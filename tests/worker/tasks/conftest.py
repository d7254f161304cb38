"""A real store, and pulls into it from a registry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from samples.registry import SampleRegistry
from tests.worker.tasks.helpers import Pull
from worker import services
from worker.engine.store import Store
from worker.models import Image, Job, JobState, Project
from worker.tasks.pulling import pull_image
from worker.tasks.running import run_job


@pytest.fixture
def store(data_dir: Path) -> Store:
    return Store(settings.STORE_DIR)


@pytest.fixture
def pull(project: Project, store: Store, sample_registry: SampleRegistry) -> Pull:
    """Push an image to a registry, and pull it as a worker does."""

    def bring(name: str, sample: Any, into: Project | None = None, **named: Any) -> Image:
        reference = sample_registry.push(name, "1", sample)
        job = services.start_pull(into or project, reference, insecure=True, by=None, **named)
        assert run_job(job.pk, pull_image) is JobState.SUCCEEDED, Job.objects.get(pk=job.pk).error_message
        return Image.objects.get(jobs=job)

    return bring

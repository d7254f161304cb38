"""Shared by tests with real workers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from samples.images import SampleImage, image, layer
from tests.support.workers import wait_for
from worker.models import ACTIVE_STATES, Job, JobState, Project
from worker.progress import Snapshot, latest

pytestmark = pytest.mark.services

KIB = 2**10


@pytest.fixture
def team(transactional_db: None) -> Project:
    return Project.objects.create(slug="team", name="Team")


def noise(*sizes: int) -> SampleImage:
    """An image of layers that do not compress, of these sizes in bytes."""
    return image([layer({f"file{number}": os.urandom(size)}) for number, size in enumerate(sizes)])


def ended(job: Job, seconds: float = 60, *logs: Path) -> Job:
    """Wait for the end of ``job`` and return its row."""
    wait_for(lambda: not _fresh(job).is_active, seconds, *logs)
    return _fresh(job)


def succeeded(job: Job, seconds: float = 60, *logs: Path) -> Job:
    row = ended(job, seconds, *logs)
    assert row.state == JobState.SUCCEEDED, f"{row.state}: {row.error_message}"
    return row


def running(job: Job, seconds: float = 30, *logs: Path) -> None:
    wait_for(lambda: _fresh(job).state == JobState.RUNNING, seconds, *logs)


def snapshot(job: Job) -> Snapshot:
    return latest(_fresh(job))


def active() -> int:
    return Job.objects.filter(state__in=ACTIVE_STATES).count()


def _fresh(job: Job) -> Job:
    return Job.objects.get(pk=job.pk)

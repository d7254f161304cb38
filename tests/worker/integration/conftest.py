"""Shared by tests with real workers."""

from __future__ import annotations

import os
from pathlib import Path

from samples.images import SampleImage, image, layer
from tests.support.workers import wait_for
from worker.models import Job, JobState
from worker.progress import Snapshot, latest

KIB = 2**10


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


def _fresh(job: Job) -> Job:
    return Job.objects.get(pk=job.pk)

"""Pulls and jobs of the store, run here as workers run them."""

from __future__ import annotations

from collections.abc import Callable

from worker.models import Image, Job, JobState
from worker.tasks.running import run_job
from worker.tasks.storing import keep

Pull = Callable[..., Image]


def ended(job: Job) -> Job:
    """Run a job of the store, which succeeds; return its row."""
    state = run_job(job.pk, keep)
    job.refresh_from_db()
    assert state is JobState.SUCCEEDED, job.error_message
    return job

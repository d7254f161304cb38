"""The task of a pull."""

from __future__ import annotations

from worker.celery import app
from worker.tasks.dispatch import ask_to_index
from worker.tasks.pulling import pull_image
from worker.tasks.running import run_job


@app.task(name="strata.pull")
def pull(job_id: int) -> None:
    run_job(job_id, pull_image)
    ask_to_index()

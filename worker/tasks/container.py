"""The task of a container's jobs, on the node that holds it."""

from __future__ import annotations

from worker.celery import app
from worker.tasks.containing import act
from worker.tasks.running import run_job


@app.task(name="strata.container")
def container(job_id: int) -> None:
    run_job(job_id, act)

"""The task of an extraction."""

from __future__ import annotations

from worker.celery import app
from worker.tasks.dispatch import ask_to_index
from worker.tasks.pulling import extract_image
from worker.tasks.running import run_job


@app.task(name="strata.extract")
def extract(job_id: int) -> None:
    run_job(job_id, extract_image)
    ask_to_index()

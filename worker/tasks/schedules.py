"""The tick of schedules."""

from __future__ import annotations

from worker.celery import app
from worker.tasks.scheduling import run_due


@app.task(name="strata.schedules")
def schedules() -> None:
    run_due()

"""The tick of housekeeping."""

from __future__ import annotations

from worker.celery import app
from worker.tasks.keeping import requeue_stale, send_unclaimed


@app.task(name="strata.housekeeping")
def housekeeping() -> None:
    requeue_stale()
    send_unclaimed()

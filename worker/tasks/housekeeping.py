"""The tick of housekeeping."""

from __future__ import annotations

from worker.celery import app
from worker.tasks.dispatch import ask_to_weigh
from worker.tasks.keeping import requeue_stale, send_unclaimed
from worker.tasks.weighing import unweighed


@app.task(name="strata.housekeeping")
def housekeeping() -> None:
    requeue_stale()
    send_unclaimed()
    if unweighed():
        ask_to_weigh()

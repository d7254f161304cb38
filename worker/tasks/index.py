"""The task that makes layers searchable and reads packages; asked for after pulls, and every now and then."""

from __future__ import annotations

from worker.celery import app
from worker.tasks.indexing import index as bring_up_to_date


@app.task(name="strata.index")
def index(suspicious: bool = False) -> None:
    bring_up_to_date(suspicious=suspicious)

"""The task that counts how much of all files is the same; asked for by pages that show it."""

from __future__ import annotations

from worker.celery import app
from worker.tasks.counting import count_contents as count_all
from worker.tasks.indexing import until_stopped


@app.task(name="strata.count_contents")
def count_contents() -> None:
    with until_stopped() as cancel:
        count_all(cancel)

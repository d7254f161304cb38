"""The tasks about the store as a whole: its jobs, its measurement, and images that were removed."""

from __future__ import annotations

from django.conf import settings

from worker.celery import app
from worker.engine.store import Store
from worker.tasks.dispatch import ask_to_index
from worker.tasks.forgetting import forget_removed
from worker.tasks.measuring import measure
from worker.tasks.running import run_job
from worker.tasks.stores import open_store
from worker.tasks.storing import keep
from worker.tasks.weighing import weigh_trees


@app.task(name="strata.storage")
def storage(job_id: int) -> None:
    run_job(job_id, keep)
    ask_to_index()


@app.task(name="strata.measure_store")
def measure_store() -> None:
    measure(Store(settings.STORE_DIR))


@app.task(name="strata.weigh_trees")
def weigh() -> None:
    weigh_trees(open_store())


@app.task(name="strata.forget_removed")
def forget() -> None:
    forget_removed(open_store())

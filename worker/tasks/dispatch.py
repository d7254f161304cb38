"""Make jobs, and send them to the queue that their kind of work has."""

from __future__ import annotations

import logging
from typing import Any

from django.db import transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from worker.celery import INDEX_QUEUE, app
from worker.models import Job, JobKind, JobState, Project, Schedule
from worker.models.job import STORAGE_QUEUE
from worker.progress import announce, answers

logger = logging.getLogger(__name__)

TASKS = {
    JobKind.PULL: "strata.pull",
    JobKind.EXTRACT: "strata.extract",
    JobKind.CONTAINER: "strata.container",
    JobKind.COLLECT: "strata.storage",
    JobKind.SCRUB: "strata.storage",
    JobKind.REBUILD: "strata.storage",
    JobKind.REMOVE: "strata.storage",
}

# A page waits for this; what cannot be sent now is sent by housekeeping.
_RETRY = {"max_retries": 2, "interval_start": 0.1, "interval_step": 0.2, "interval_max": 0.5}
_WEIGH_LASTS = 10  # seconds; housekeeping asks again
_ASKED_LASTS = 120  # seconds; later it is asked for again, or a collection does it


def submit(project: Project, kind: JobKind, **fields: Any) -> Job:
    """Write a queued job and send it once the transaction around it is committed."""
    job = Job.objects.create(project=project, kind=kind, state=JobState.QUEUED, **fields)
    transaction.on_commit(lambda: _launch(job))
    return job


def submit_pull_of(schedule: Schedule) -> Job:
    """Write and send the pull that ``schedule`` asks for."""
    return submit(
        schedule.project,
        JobKind.PULL,
        reference=schedule.reference,
        platform=schedule.platform,
        # Not ticked means: as the registry's row says, not: never. Nobody waits for it: it leaves the last of
        # what a registry grants to people.
        arguments={
            "insecure": True if schedule.insecure else None,
            "fetch_only": False,
            "scheduled": True,
        },
        schedule=schedule,
        created_by=schedule.created_by,
    )


def send(job: Job) -> bool:
    """Hand ``job`` to its queue; False if Redis cannot be reached: it stays queued and is sent again later.

    Sending twice is harmless: only one worker can claim the row.
    """
    if not _post(TASKS[JobKind(job.kind)], job.queue, args=[job.pk]):
        logger.warning("job %s stays queued", job.pk)
        return False
    Job.objects.filter(pk=job.pk, state=JobState.QUEUED).update(sent_at=timezone.now())
    return True


def ask_to_measure() -> bool:
    """Have the disk use of the store measured; False if Redis cannot be reached."""
    return _post("strata.measure_store", STORAGE_QUEUE, expires=_ASKED_LASTS)


def ask_to_weigh() -> bool:
    """Have the trees measured whose disk use is not known; False if Redis cannot be reached."""
    return _post("strata.weigh_trees", STORAGE_QUEUE, expires=_WEIGH_LASTS)


def ask_to_index(*, suspicious: bool = False) -> bool:
    """Have new layers made searchable and their packages read; False if Redis cannot be reached.

    Args:
        suspicious: The search database is looked through first, whether it is damaged.
    """
    return _post(
        "strata.index", INDEX_QUEUE, kwargs={"suspicious": True} if suspicious else {}, expires=_ASKED_LASTS
    )


def ask_to_count_contents() -> bool:
    """Have the contents of projects counted; False if Redis cannot be reached."""
    return _post("strata.count_contents", INDEX_QUEUE, expires=_ASKED_LASTS)


def ask_to_forget() -> bool:
    """Have removed images taken off the store's lists; False if Redis cannot be reached."""
    return _post("strata.forget_removed", STORAGE_QUEUE, expires=_ASKED_LASTS)


def ask_to_mend(diff_id: str) -> bool:
    """Have a layer's file index made anew; False if Redis cannot be reached."""
    return _post("strata.mend_index", STORAGE_QUEUE, args=[diff_id])


def _post(task: str, queue: str, **options: Any) -> bool:
    """Put a task's message into a queue; False if Redis cannot be reached."""
    if not answers():
        # Celery's own patience with a Redis that hangs is a minute.
        logger.warning("%s is not sent: Redis does not answer", task)
        return False
    try:
        app.send_task(task, queue=queue, retry=True, retry_policy=_RETRY, **options)
    except OperationalError as error:
        logger.warning("%s is not sent, Redis cannot be reached: %s", task, error)
        return False
    return True


def _launch(job: Job) -> None:
    send(job)
    announce(job.project_id, "jobs")

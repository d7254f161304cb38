"""Run one job: claim it, do it beside its watch, write how it ended.

The row is the truth. Whoever claimed it writes only while it still carries the attempt of that claim, so a
worker that was believed dead cannot overwrite what its successor writes.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.db import close_old_connections
from django.db.models import Subquery

from worker.engine.cancel import CancelToken
from worker.engine.errors import Cancelled, StrataError
from worker.engine.events import Listener, all_of, ignore
from worker.models import STORAGE_KINDS, Image, Job, JobKind, JobState
from worker.progress import ErrorInfo, Reporter, announce, publish
from worker.tasks.stopping import stopping
from worker.tasks.watch import Reason, Watch

logger = logging.getLogger(__name__)

_TOPICS = {JobKind.PULL: "images", JobKind.EXTRACT: "images", JobKind.CONTAINER: "containers"}
_TOPICS |= dict.fromkeys(STORAGE_KINDS, "storage")
_INTERNAL = ErrorInfo(
    "internal_error",
    "Something went wrong inside of Strata; the worker's log says what.",
    StrataError.default_hint,
)

_at_work: set[int] = set()


@dataclass(frozen=True, slots=True)
class Run:
    """What the work of a job is given: the claimed row, whom to tell of progress, and what ends it early."""

    job: Job
    listener: Listener
    cancel: CancelToken


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: facts for ``Job.result``, and the image that a pull brought."""

    result: dict[str, Any] = field(default_factory=dict)
    image: Image | None = None


def busy() -> bool:
    """Whether a job runs in this process."""
    return bool(_at_work)


def run_job(
    job_id: int,
    work: Callable[[Run], Outcome],
    token: CancelToken | None = None,
    listener: Listener = ignore,
) -> JobState | None:
    """Do ``work`` for a queued job; return the state that it was left in, None if it was not there to be had.

    ``listener`` is told of the progress, besides those who follow the job.

    Every failure ends in the row: a StrataError as it is, anything else as an internal error whose traceback
    goes to the log. Only a database that does not take the end raises: the job is then found stale later.
    """
    if stopping():
        # The message is gone once this returns; housekeeping sends another one.
        Job.objects.filter(pk=job_id, state=JobState.QUEUED).update(sent_at=None)
        return None
    job = Job.objects.claim(job_id)
    if job is None:
        return None
    token = token or CancelToken()
    _at_work.add(job.pk)
    try:
        announce(job.project_id, "jobs")
        with Reporter(job) as reporter, Watch(job, token) as watch:
            ending = _attempt(Run(job, all_of(reporter, listener), token), work)
        return _settle(job, reporter, ending, watch.reason)
    finally:
        _at_work.discard(job.pk)


@dataclass(frozen=True, slots=True)
class _Ending:
    state: JobState
    seconds: float
    error: ErrorInfo | None = None
    outcome: Outcome = field(default_factory=Outcome)


def _attempt(run: Run, work: Callable[[Run], Outcome]) -> _Ending:
    begun = time.monotonic()

    def ending(state: JobState, error: ErrorInfo | None = None, outcome: Outcome | None = None) -> _Ending:
        return _Ending(state, time.monotonic() - begun, error, outcome or Outcome())

    try:
        return ending(JobState.SUCCEEDED, outcome=work(run))
    except Cancelled:
        return ending(JobState.CANCELLED)
    except StrataError as error:
        if run.cancel.cancelled:
            # What was interrupted may complain in its own words.
            return ending(JobState.CANCELLED)
        return ending(JobState.FAILED, ErrorInfo(error.code, error.message, error.hint))
    except Exception:  # the boundary: whatever it is, the row must say that it ended
        logger.exception("%s of %s (job %s) failed unexpectedly", run.job.kind, run.job.reference, run.job.pk)
        return ending(JobState.FAILED, _INTERNAL)


def _settle(job: Job, reporter: Reporter, ending: _Ending, reason: Reason | None) -> JobState | None:
    # The run may have lasted longer than the database keeps an idle connection.
    close_old_connections()
    if ending.state is JobState.CANCELLED and reason is Reason.LOST:
        logger.warning("job %s was taken over by another worker; this run ends without a word", job.pk)
        return None
    if ending.state is JobState.CANCELLED and reason is Reason.STOPPING:
        state = JobState.QUEUED
        last = reporter.finish(state)
        written = Job.objects.put_back(job)
    else:
        state = ending.state
        last = reporter.finish(state, ending.error)
        written = Job.objects.end(job, state, **_fields(job, ending), progress=last.to_dict())
    if not written:
        logger.warning("job %s was taken over by another worker; its end here is not written", job.pk)
        return None
    publish(last)
    announce(job.project_id, "jobs")
    announce(job.project_id, _TOPICS[JobKind(job.kind)])
    why = f": {ending.error.message}" if ending.error else ""
    logger.info("%s of %s %s after %.1f s%s", job.kind, job.reference, state.value, ending.seconds, why)
    return state


def _fields(job: Job, ending: _Ending) -> dict[str, Any]:
    fields: dict[str, Any] = {"result": {**ending.outcome.result, "seconds": round(ending.seconds, 2)}}
    if ending.outcome.image is not None:
        # None if somebody has removed it meanwhile.
        fields["image"] = Subquery(Image.objects.filter(pk=ending.outcome.image.pk).values("pk"))
    if ending.error is not None:
        fields["error_code"] = ending.error.code
        fields["error_message"] = ending.error.message
        fields["error_hint"] = ending.error.hint
    return fields

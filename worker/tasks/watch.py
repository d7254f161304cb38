"""What goes on beside a running job: signs of life, and looking whether it should end."""

from __future__ import annotations

import logging
import threading
import time
from enum import Enum, auto
from types import TracebackType
from typing import Self

from django.conf import settings
from django.db import DatabaseError, connection

from worker.engine.cancel import CancelToken
from worker.models import Job, JobState
from worker.tasks.stopping import stopping

logger = logging.getLogger(__name__)

_POLL_SECONDS = 0.3


class Reason(Enum):
    """Why a run is to end early."""

    ASKED = auto()
    """Somebody cancelled the job."""
    STOPPING = auto()
    """This worker is being ended; another one, or this one after its next start, goes on."""
    LOST = auto()
    """The job is no longer this run's: it was believed dead, or the row is gone."""


class Watch:
    """Beside one run: beat, and cancel ``token`` once there is a reason.

    A context manager around a thread with a database connection of its own.

    Attributes:
        reason: None as long as the run may go on.
    """

    def __init__(self, job: Job, token: CancelToken) -> None:
        self.reason: Reason | None = None
        self._job, self._token = job, token
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"watch of job {job.pk}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        beat_at = time.monotonic() + settings.HEARTBEAT_SECONDS
        try:
            while not self._over.wait(_POLL_SECONDS):
                try:
                    reason = self._look()
                    if time.monotonic() >= beat_at:
                        Job.objects.beat(self._job)
                        beat_at = time.monotonic() + settings.HEARTBEAT_SECONDS
                except DatabaseError:
                    # A database that is away for a while is no reason to throw a pull away.
                    logger.warning("job %s: the database did not answer, looking again", self._job.pk)
                    connection.close()
                    continue
                # After a reason was found, beating goes on: winding down may take a moment.
                if reason is not None and self.reason is None:
                    self.reason = reason
                    self._token.cancel()
        finally:
            connection.close()

    def _look(self) -> Reason | None:
        mine = Job.objects.filter(pk=self._job.pk, state=JobState.RUNNING, attempt=self._job.attempt)
        asked = mine.values_list("cancel_requested_at", flat=True)[:1]
        if not (row := list(asked)):
            return Reason.LOST
        if row[0] is not None:
            return Reason.ASKED
        return Reason.STOPPING if stopping() else None

"""Jobs that a command runs itself, in the foreground: signals, failures, and what came of it."""

from __future__ import annotations

import signal
import sys
import threading
import time
from contextlib import AbstractContextManager
from types import FrameType
from typing import Any, ClassVar, NoReturn

from django.core.management.base import BaseCommand
from django.db import DatabaseError

from worker.engine.cancel import CancelToken
from worker.engine.errors import NotFound, StrataError
from worker.engine.events import Listener
from worker.management.preparing import is_prepared, prepare_database
from worker.management.quiet import quietly
from worker.models import Job, JobState, Project
from worker.tasks.running import Outcome, Run, run_job

_INTERRUPTED = 130
Progress = AbstractContextManager[Listener]


class ForegroundCommand(BaseCommand):
    """A job, done here and now; it is listed among a project's jobs, as if a worker had done it.

    Attributes:
        cancelled: what is said after an interruption.
    """

    cancelled: ClassVar[str]
    # A pull of what is already here should feel instant.
    requires_system_checks: ClassVar[list[str]] = []  # type: ignore[misc]

    def make_job(self, options: dict[str, Any]) -> Job:
        """Return the job to do. Raises StrataError."""
        raise NotImplementedError

    def progress(self) -> Progress:
        """Return what shows how it goes."""
        raise NotImplementedError

    def work(self, run: Run) -> Outcome:
        """Do it."""
        raise NotImplementedError

    def tell(self, job: Job, seconds: float, *, as_json: bool) -> None:
        """Say what came of it, once it has succeeded."""
        raise NotImplementedError

    def handle(self, *args: Any, **options: Any) -> None:
        with quietly(options["verbosity"]):
            self._do(options)

    def _do(self, options: dict[str, Any]) -> None:
        begun = time.monotonic()
        token = CancelToken()
        _cancel_on_signals(token)
        try:
            job = self.make_job(options)
            with self.progress() as listener:
                state = run_job(job.pk, self.work, token, listener)
        except StrataError as error:
            fail(error.message, error.hint, error.code)
        except (DatabaseError, OSError) as error:
            fail(
                f"The database cannot be used: {' '.join(str(error).split())}.",
                "Check STRATA_DATA and STRATA_DATABASE_URL.",
                "database",
            )
        job.refresh_from_db()
        if state is JobState.FAILED:
            unknown = job.error_code == StrataError.code
            hint = "Run it again with --verbosity 2." if unknown else job.error_hint
            fail(job.error_message, hint, job.error_code)
        if state is not JobState.SUCCEEDED:
            self.stderr.write(self.cancelled)
            sys.exit(_INTERRUPTED)
        self.tell(job, round(time.monotonic() - begun, 2), as_json=options["json"])


def fail(message: str, hint: str, code: str) -> NoReturn:
    """End the program with one clear line."""
    print(f"error: {message} {hint} [{code}]", file=sys.stderr)
    sys.exit(1)


def project_called(slug: str) -> Project:
    """Return the project at ``slug``; without one, the first. Makes what is missing: database, and project.

    Raises:
        NotFound: there is no such project.
        OSError, DatabaseError: the database cannot be used.
    """
    if not is_prepared():
        prepare_database()
    if not slug:
        return Project.objects.first_or_new()
    project = Project.objects.filter(slug=slug).first()
    if project is None:
        raise NotFound(f"There is no project {slug}.", hint="Leave out --project for the first one.")
    return project


def _cancel_on_signals(token: CancelToken) -> None:
    """Let the first SIGINT or SIGTERM cancel ``token``; a second one ends the program."""

    def handler(number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        # In a thread: what was interrupted may hold the token's lock.
        threading.Thread(target=token.cancel, daemon=True).start()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handler)

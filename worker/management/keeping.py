"""What ``gc``, ``scrub`` and ``rebuild_catalog`` have in common: a job in the foreground, no worker."""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import Any, ClassVar

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError
from django.utils.timezone import now

from worker.engine.cancel import CancelToken
from worker.engine.errors import StrataError
from worker.management.foreground import INTERRUPTED, StepLine, cancel_on_signals, fail, project_called
from worker.management.preparing import is_prepared, prepare_database
from worker.models import Job, JobKind, JobState
from worker.tasks.running import Outcome, Run, run_job
from worker.tasks.slots import free_slot, slot_of, take_slot, title_of
from worker.tasks.storing import keep


class KeepingCommand(BaseCommand):
    """One kind of job, run here and now; it is listed among a project's jobs, as if a worker had run it."""

    kind: ClassVar[JobKind]
    requires_system_checks: ClassVar[list[str]] = []  # type: ignore[misc]

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print what came of it as a JSON object")
        parser.add_argument(
            "--project",
            default="",
            metavar="SLUG",
            help="whose job it is; default: the first project",
        )

    def arguments(self, options: dict[str, Any]) -> dict[str, bool]:
        """Return the job's arguments."""
        return {}

    def sentences(self, result: dict[str, Any]) -> list[str]:
        """Say what came of it, a line each."""
        raise NotImplementedError

    def problem(self, result: dict[str, Any]) -> tuple[str, str, str] | None:
        """Return message, hint and code of what is wrong nevertheless; None if all is well."""
        return None

    def handle(self, *args: Any, **options: Any) -> None:
        if options["verbosity"] < 2:
            # The one line on stderr says what is wrong; what the parts log on their way would only hide it.
            logging.disable(logging.CRITICAL)
        begun = time.monotonic()
        token = CancelToken()
        cancel_on_signals(token)
        try:
            job = self._job(options)
            state = self._run(job, token)
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
            self.stderr.write("cancelled: what was done by then stays done")
            sys.exit(INTERRUPTED)
        self._tell(job, round(time.monotonic() - begun, 2), as_json=options["json"])

    def _job(self, options: dict[str, Any]) -> Job:
        if not is_prepared():
            prepare_database()
        project = project_called(options["project"])
        arguments = self.arguments(options)
        slot = slot_of(self.kind, arguments)
        # Where no worker runs, nobody else notices that the one before was killed.
        free_slot(slot)
        return take_slot(
            slot,
            lambda: Job.objects.create(
                project=project,
                kind=self.kind,
                reference=title_of(self.kind, arguments),
                arguments=arguments,
                slot=slot,
                # Not to be sent to a worker: it is claimed right here.
                sent_at=now(),
            ),
        )

    def _run(self, job: Job, token: CancelToken) -> JobState | None:
        with StepLine(sys.stderr) as line:

            def work(run: Run) -> Outcome:
                def tell(event: Any) -> None:
                    run.reporter(event)
                    line(event)

                return keep(run, tell)

            return run_job(job.pk, work, token)

    def _tell(self, job: Job, seconds: float, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps({**job.result, "job": job.pk, "seconds": seconds}))
        else:
            for sentence in self.sentences(job.result):
                self.stdout.write(sentence)
        if (problem := self.problem(job.result)) is not None:
            fail(*problem)


def counted(count: int, noun: str) -> str:
    """Return ``3 layers``, ``1 layer``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"

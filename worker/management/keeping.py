"""What ``gc``, ``scrub`` and ``rebuild_catalog`` have in common: a job in the foreground, no worker."""

from __future__ import annotations

import json
import sys
from typing import Any, ClassVar

from django.core.management.base import CommandParser
from django.utils.timezone import now

from worker.management.foreground import ForegroundCommand, Progress, fail, project_called
from worker.management.step_line import StepLine
from worker.models import Job, JobKind
from worker.tasks.running import Outcome, Run
from worker.tasks.slots import free_slot, slot_of, take_slot, title_of
from worker.tasks.storing import keep


class KeepingCommand(ForegroundCommand):
    """One kind of job."""

    kind: ClassVar[JobKind]
    cancelled = "cancelled: what was done by then stays done"

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

    def make_job(self, options: dict[str, Any]) -> Job:
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
            self.kind,
        )

    def progress(self) -> Progress:
        return StepLine(sys.stderr)

    def work(self, run: Run) -> Outcome:
        return keep(run)

    def tell(self, job: Job, seconds: float, *, as_json: bool) -> None:
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

"""``manage.py pull REF``: a pull in the foreground, without Redis or a worker."""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError
from django.utils.timezone import now

from worker.engine.cancel import CancelToken
from worker.engine.errors import StrataError
from worker.engine.oci import Reference
from worker.engine.pull import PulledImage
from worker.management.bar import Bars, PlainLines, size
from worker.management.foreground import INTERRUPTED, cancel_on_signals, fail, project_called
from worker.management.preparing import is_prepared, prepare_database
from worker.models import Job, JobKind, JobState
from worker.models.limits import require_allowed, require_quota
from worker.models.platforms import write_platforms
from worker.tasks.pulling import pull_image
from worker.tasks.running import Outcome, Run, run_job


class Command(BaseCommand):
    help = "Pull an image now, with a progress bar. Ctrl-C ends it; finished parts are kept."
    # A pull of what is already here should feel instant.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("reference", help="as for docker pull: alpine, host:5000/name:tag, name@sha256:…")
        parser.add_argument(
            "--insecure",
            action="store_true",
            help="allow plain HTTP and certificates that nobody vouches for",
        )
        parser.add_argument(
            "--platform",
            action="append",
            default=[],
            metavar="OS/ARCH[/VARIANT]",
            help="default: this machine's; may be given several times, or be all",
        )
        parser.add_argument("--json", action="store_true", help="print what was pulled as a JSON object")
        parser.add_argument("--project", default="", metavar="SLUG", help="default: the first project")
        parser.add_argument("--fetch-only", action="store_true", help="fetch and verify, but extract nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["verbosity"] < 2:
            # The one line on stderr says what is wrong; what the parts log on their way would only hide it.
            logging.disable(logging.CRITICAL)
        begun = time.monotonic()
        token = CancelToken()
        cancel_on_signals(token)
        try:
            job = self._job(options)
            state, pulled = self._pull(job, token)
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
            hint = (
                "Run it again with --verbosity 2." if job.error_code == "internal_error" else job.error_hint
            )
            fail(job.error_message, hint, job.error_code)
        if not pulled or state is not JobState.SUCCEEDED:
            self.stderr.write("cancelled: finished parts are kept")
            sys.exit(INTERRUPTED)
        self._print(job, pulled, round(time.monotonic() - begun, 2), as_json=options["json"])

    def _job(self, options: dict[str, Any]) -> Job:
        reference = Reference.parse(options["reference"])
        # From a program (call_command) it may be one, or none, as it always could.
        given = options["platform"] or ()
        platform = write_platforms([given] if isinstance(given, str) else given)
        require_allowed(reference.registry)
        if not is_prepared():
            prepare_database()
        project = project_called(options["project"])
        require_quota(project)
        return Job.objects.create(
            project=project,
            kind=JobKind.PULL,
            reference=str(reference),
            platform=platform,
            arguments={
                "insecure": True if options["insecure"] else None,
                "fetch_only": options["fetch_only"],
            },
            # Not to be sent to a worker: it is claimed right here.
            sent_at=now(),
        )

    def _pull(self, job: Job, token: CancelToken) -> tuple[JobState | None, list[PulledImage]]:
        arrived: list[PulledImage] = []
        with Bars(sys.stderr) if sys.stderr.isatty() else PlainLines(sys.stderr) as listener:

            def work(run: Run) -> Outcome:
                return pull_image(run, listener, arrived.extend)

            state = run_job(job.pk, work, token)
        return state, arrived

    def _print(self, job: Job, pulled: list[PulledImage], seconds: float, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(_facts(job, pulled, seconds)))
            return
        what = str(pulled[0].digest) if len(pulled) == 1 else f"{len(pulled)} platforms"
        if all(image.unchanged for image in pulled):
            self.stdout.write(f"{job.reference} is unchanged: {what}")
        else:
            fetched = size(sum(image.bytes_fetched for image in pulled))
            took = f"{fetched} fetched, {sum(image.layers_extracted for image in pulled)} layers extracted"
            self.stdout.write(f"{job.reference} pulled: {what} ({took}, {seconds:.1f} s)")
        if len(pulled) > 1:
            for image in pulled:
                self.stdout.write(f"  {image.digest} {image.platform}")


def _facts(job: Job, pulled: list[PulledImage], seconds: float) -> dict[str, Any]:
    ids = job.result["images"]
    images = [{"image": id, **_image_facts(image)} for id, image in zip(ids, pulled, strict=True)]
    return {
        "reference": job.reference,
        "index": str(pulled[0].index) if pulled[0].index else None,
        **images[0],
        "unchanged": all(image.unchanged for image in pulled),
        "bytes_fetched": sum(image.bytes_fetched for image in pulled),
        "images": images,
        "seconds": seconds,
    }


def _image_facts(pulled: PulledImage) -> dict[str, Any]:
    return {
        "digest": str(pulled.digest),
        "platform": str(pulled.platform),
        "unchanged": pulled.unchanged,
        "bytes_fetched": pulled.bytes_fetched,
        "layers": [
            {
                "position": layer.position,
                "diff_id": str(layer.diff_id),
                "digest": str(layer.digest),
                "media_type": str(layer.media_type),
                "compressed_size": layer.size,
                "unpacked_size": layer.unpacked_size,
                "created_by": layer.created_by,
            }
            for layer in pulled.layers
        ],
    }

"""``manage.py pull REF``: a pull in the foreground, without Redis or a worker."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from django.core.management.base import CommandParser
from django.utils.timezone import now

from worker.engine.oci import Reference
from worker.engine.pull import PulledImage
from worker.management.bar import Bars, PlainLines, size
from worker.management.foreground import ForegroundCommand, Progress, project_called
from worker.models import Job, JobKind
from worker.models.limits import require_allowed, require_quota
from worker.models.platforms import write_platforms
from worker.tasks.pulling import pull_image
from worker.tasks.running import Outcome, Run


class Command(ForegroundCommand):
    help = "Pull an image now, with a progress bar. Ctrl-C ends it; finished parts are kept."
    cancelled = "cancelled: finished parts are kept"

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

    def make_job(self, options: dict[str, Any]) -> Job:
        reference = Reference.parse(options["reference"])
        # From a program (call_command) it may be one, or none, as it always could.
        given = options["platform"] or ()
        platform = write_platforms([given] if isinstance(given, str) else given)
        require_allowed(reference.registry)
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

    def progress(self) -> Progress:
        return Bars(sys.stderr) if sys.stderr.isatty() else PlainLines(sys.stderr)

    def work(self, run: Run) -> Outcome:
        return pull_image(run, self._arrived)

    def _arrived(self, pulled: Sequence[PulledImage]) -> None:
        self._pulled = pulled

    def tell(self, job: Job, seconds: float, *, as_json: bool) -> None:
        pulled = self._pulled
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


def _facts(job: Job, pulled: Sequence[PulledImage], seconds: float) -> dict[str, Any]:
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

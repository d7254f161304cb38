"""``manage.py remove_images REF...``: remove images, and free what only they need of the disk."""

from __future__ import annotations

import json
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.db import transaction
from django.utils.timezone import now

from worker.engine.errors import StrataError
from worker.engine.store import Store
from worker.management.bar import size
from worker.management.finding import find_all
from worker.management.foreground import ForegroundCommand, Progress, fail, project_called
from worker.management.keeping import counted
from worker.management.step_line import StepLine
from worker.models import Job, JobKind
from worker.models.removing import require_unused
from worker.services import WhatWouldGo, what_would_go
from worker.services.removal import removal_arguments, title_of_removal
from worker.tasks.removing import remove
from worker.tasks.running import Outcome, Run
from worker.tasks.slots import require_apart
from worker.tasks.stores import open_store
from worker.tasks.weighing import weigh_trees

_WHY = {
    "image": "an image that came meanwhile needs it",
    "work": "a running pull or extraction needs it",
    "container": "a container needs it",
}


class Command(ForegroundCommand):
    help = (
        "Remove images from a project, for all platforms that are here, and free the disk of what only they "
        "need. All go, or none. Safe beside a running Strata."
    )
    cancelled = "cancelled: what was removed by then stays removed; gc frees the rest"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("references", nargs="+", metavar="REF", help="name:tag, name@digest, or a digest")
        parser.add_argument("--dry-run", action="store_true", help="only say what would go")
        parser.add_argument("--json", action="store_true", help="print what came of it as a JSON object")
        parser.add_argument("--project", default="", metavar="SLUG", help="default: the first project")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["dry_run"]:
            super().handle(*args, **options)
            return
        try:
            foreseen = self._foresee(options)
        except StrataError as error:
            fail(error.message, error.hint, error.code)
        if options["json"]:
            self.stdout.write(json.dumps(_facts(foreseen)))
        else:
            for line in _sentences(foreseen):
                self.stdout.write(line)

    def make_job(self, options: dict[str, Any]) -> Job:
        foreseen = self._foresee(options)
        require_unused(foreseen.images)
        with transaction.atomic():
            require_apart(JobKind.REMOVE)
            return Job.objects.create(
                project=foreseen.project,
                kind=JobKind.REMOVE,
                reference=title_of_removal(foreseen.images),
                arguments=removal_arguments(foreseen),
                # Not to be sent to a worker: it is claimed right here.
                sent_at=now(),
            )

    def progress(self) -> Progress:
        return StepLine(sys.stderr)

    def work(self, run: Run) -> Outcome:
        return Outcome(remove(open_store(), run))

    def tell(self, job: Job, seconds: float, *, as_json: bool) -> None:
        result = job.result
        if as_json:
            self.stdout.write(json.dumps({**result, "job": job.pk, "seconds": seconds}))
            return
        for part in result["stays"]:
            self.stdout.write(
                f"{part['kind']} {part['name']} stays ({size(part['size'])}): {_WHY[part['why']]}"
            )
        removed, freed = counted(result["removed"], "image"), size(result["bytes"])
        self.stdout.write(f"{removed} removed, {freed} ({result['bytes']} bytes) freed.")

    def _foresee(self, options: dict[str, Any]) -> WhatWouldGo:
        project = project_called(options["project"])
        images = [image for text in options["references"] for image in find_all(text, project)]
        weigh_trees(Store(settings.STORE_DIR))
        return what_would_go(images, by=None)


def _facts(what: WhatWouldGo) -> dict[str, Any]:
    return {
        "images": [{"image": image.pk, "digest": image.digest} for image in what.images],
        "freed": what.freed,
        "stays": what.stays,
        "trees": what.trees.bytes,
        "indexes": what.indexes.bytes,
        "blobs": what.blobs.bytes,
        "made": what.made,
        "containers": sorted(one.name for held in what.containers.values() for one in held),
        "extracting": sorted(what.extracting),
    }


def _sentences(what: WhatWouldGo) -> list[str]:
    lines = [
        f"layer {layer.diff_id}  {size(layer.goes or 0):>9} goes  {size(layer.stays):>9} stays"
        for layer in what.layers
    ]
    held = sorted(one.name for containers in what.containers.values() for one in containers)
    if held:
        lines.append(f"Not removable: the containers {', '.join(held)} stand on them.")
    removed = counted(len(what.images), "image")
    return [*lines, f"{removed} would be removed, {size(what.freed)} ({what.freed} bytes) freed."]

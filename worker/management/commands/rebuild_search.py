"""``manage.py rebuild_search``: the search database from the layers' file indexes."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from worker.engine.errors import StrataError
from worker.engine.oci import Digest
from worker.engine.search.upkeep import Busy
from worker.tasks.indexing import layers_to_search, rebuild


class Command(BaseCommand):
    help = (
        "Make the database in which files are searched anew, from the file indexes of all layers. The one "
        "that is there serves until then. What is missing or damaged comes back by itself, too."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        total, done, begun = len(layers_to_search()), 0, time.monotonic()

        def progress(diff_id: Digest) -> None:
            nonlocal done
            done += 1
            self.stderr.write(f"{done} of {total} {diff_id}")

        try:
            count = rebuild(progress)
        except Busy:
            raise CommandError("Layers are being made searchable at the moment; try again later.") from None
        except StrataError as error:
            raise CommandError(f"{error.message} {error.hint}") from error
        self.stdout.write(f"{count} of {total} layers can be searched ({time.monotonic() - begun:.1f} s).")

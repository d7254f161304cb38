"""``manage.py check_image REF``: whether an image keeps rules, for CI.

Exit status: 0 if it does, 1 if it does not, 2 if that cannot be told.
"""

from __future__ import annotations

import json
import sys
from typing import Any, NoReturn

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError

from worker.engine.errors import LayerMissing, StrataError
from worker.engine.files import ImageFiles
from worker.engine.oci import Digest
from worker.engine.store import Store
from worker.engine.weight import Rules, check
from worker.management.check_report import facts, lines
from worker.management.finding import add_image_arguments, chosen_image
from worker.management.quiet import quietly
from worker.models import Image, ImageLayer

_BROKEN, _UNKNOWN = 1, 2


class Command(BaseCommand):
    help = (
        "Hold an image that is here against rules. Exit status: 0 if it keeps them all, 1 if it breaks one, "
        "2 if that cannot be told. The first three rules are dive's, with dive's values; without any rule, "
        "those that dive checks by itself: --lowest-efficiency 0.9 --highest-user-wasted-percent 0.1."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        add_image_arguments(parser)
        parser.add_argument("--lowest-efficiency", default="", metavar="RATIO", help="0 to 1, as 0.95")
        parser.add_argument(
            "--highest-wasted-bytes",
            default="",
            metavar="SIZE",
            help="20MB is 20,000,000 bytes, 20MiB is 20,971,520",
        )
        parser.add_argument(
            "--highest-user-wasted-percent", default="", metavar="RATIO", help="0 to 1, as 0.1"
        )
        parser.add_argument(
            "--forbid-setuid-added",
            action="store_true",
            help="no layer above the base may make a file set-user-ID that was not so before",
        )
        parser.add_argument(
            "--forbid-path",
            action="append",
            default=[],
            metavar="GLOB",
            help="no layer may have a path like this, not even one that a later layer deletes: "
            "'*.pem', '/root/**'; may be given several times",
        )
        parser.add_argument("--json", action="store_true", help="print the report as a JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        with quietly(options["verbosity"]):
            self._check(options)

    def _check(self, options: dict[str, Any]) -> None:
        try:
            rules = Rules.parse(
                lowest_efficiency=options["lowest_efficiency"],
                highest_wasted_bytes=options["highest_wasted_bytes"],
                highest_user_wasted_percent=options["highest_user_wasted_percent"],
                forbid_setuid_added=options["forbid_setuid_added"],
                forbid_path=options["forbid_path"],
            )
            image = chosen_image(options)
            report = check(_files(image), rules)
            if options["json"]:
                self.stdout.write(json.dumps(facts(image, report), allow_nan=False))
            else:
                for line in lines(image, report):
                    self.stdout.write(line)
        except StrataError as error:
            _fail(error.message, error.hint, error.code)
        except (DatabaseError, OSError) as error:
            said = " ".join(str(error).split())
            _fail(f"{said}.", "Check STRATA_DATA and STRATA_DATABASE_URL.", "database")
        if not report.passed:
            sys.exit(_BROKEN)


def _files(image: Image) -> ImageFiles:
    rows = ImageLayer.objects.filter(image=image).order_by("position")
    diff_ids = [Digest.parse(diff_id) for diff_id in rows.values_list("layer__diff_id", flat=True)]
    try:
        return ImageFiles.of(Store(settings.STORE_DIR).layers, diff_ids)
    except LayerMissing as error:
        raise LayerMissing(
            f"{image} cannot be checked: {error.message[0].lower()}{error.message[1:]}",
            hint="Extract its layers on its page, or pull it again.",
        ) from error


def _fail(message: str, hint: str, code: str) -> NoReturn:
    """End the program with one clear line; not with what means that a rule is broken."""
    print(f"error: {message} {hint} [{code}]", file=sys.stderr)
    sys.exit(_UNKNOWN)

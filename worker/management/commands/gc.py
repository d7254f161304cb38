"""``manage.py gc``: collect what no image, container or running pull needs."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from worker.management.bar import size
from worker.management.keeping import KeepingCommand, counted
from worker.models import JobKind


class Command(KeepingCommand):
    help = "Free the disk of what no image, container or running pull needs. Safe beside a running Strata."
    kind = JobKind.COLLECT

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--dry-run", action="store_true", help="only say what would go")

    def arguments(self, options: dict[str, Any]) -> dict[str, bool]:
        return {"dry_run": options["dry_run"]}

    def sentences(self, result: dict[str, Any]) -> list[str]:
        if not result["count"]:
            return ["There is no garbage."]
        lines = [
            f"{kind:<10} {counted(part['count'], 'item'):>12}  {size(part['bytes']):>9}"
            for kind, part in sorted(result["kinds"].items())
        ]
        verb = "would be removed" if result["dry_run"] else "removed"
        return [*lines, f"{size(result['bytes'])} in {counted(result['count'], 'item')} {verb}."]

"""``manage.py scrub``: compare everything in the store with what it should be."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from worker.management.bar import size
from worker.management.keeping import KeepingCommand, counted
from worker.models import JobKind


class Command(KeepingCommand):
    help = (
        "Read every blob and every layer, and compare them with their digests and file indexes. "
        "Exits with 1 if something is damaged and stays so."
    )
    kind = JobKind.SCRUB

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--repair", action="store_true", help="extract or download again what is damaged")

    def arguments(self, options: dict[str, Any]) -> dict[str, bool]:
        return {"repair": options["repair"]}

    def sentences(self, result: dict[str, Any]) -> list[str]:
        lines = [
            f"{finding['kind']} {finding['subject']}: {finding['message']}"
            + (" (repaired)" if finding["repaired"] else "")
            for finding in result["findings"]
        ]
        if more := result["found"] - len(lines):
            lines.append(f"and {counted(more, 'finding')} more")
        read = f"{counted(result['blobs'], 'blob')} and {counted(result['layers'], 'layer')}"
        lines.append(f"{read} read ({size(result['bytes'])}): {_verdict(result)}.")
        return lines

    def problem(self, result: dict[str, Any]) -> tuple[str, str, str] | None:
        remaining = result["found"] - result["repaired"]
        if not remaining:
            return None
        hint = (
            "Each line above says why it could not be repaired."
            if result["repair"]
            else "Run it again with --repair."
        )
        return (
            f"Damaged in the store, and not repaired: {counted(remaining, 'thing')}.",
            hint,
            "store_damaged",
        )


def _verdict(result: dict[str, Any]) -> str:
    if not result["found"]:
        return "nothing is damaged"
    return f"{counted(result['found'], 'finding')}, {result['repaired']:,} repaired"

"""``manage.py rebuild_catalog``: the catalog from the store alone."""

from __future__ import annotations

from typing import Any

from worker.management.keeping import KeepingCommand, counted
from worker.models import JobKind


class Command(KeepingCommand):
    help = (
        "Enter the images that the store has and the catalog lacks, with layers, tags and lineage, into the "
        "project (--project): the store does not know which one an image belonged to. Removes nothing."
    )
    kind = JobKind.REBUILD

    def sentences(self, result: dict[str, Any]) -> list[str]:
        lines = [f"cannot be read: {one['name']}: {one['message']}" for one in result["damages"]]
        lines += [
            f"in the catalog, but not in the store: {one['name']} (project {one['project']})"
            for one in result["missing_images"]
        ]
        lines.append(
            f"{counted(result['in_store'], 'image')} in the store: {result['added']:,} and "
            f"{counted(result['tags'], 'tag')} added to the catalog, {result['completed']:,} completed, "
            f"{result['damaged']:,} that cannot be read; {counted(result['missing'], 'image')} of the "
            "catalog not in the store."
        )
        return lines

    def problem(self, result: dict[str, Any]) -> tuple[str, str, str] | None:
        if not result["damaged"]:
            return None
        return (
            f"{counted(result['damaged'], 'image')} in the store cannot be read.",
            "Run manage.py scrub --repair, then this again.",
            "store_damaged",
        )

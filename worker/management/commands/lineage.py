"""``manage.py lineage REF``: what an image grew out of, and what grew out of it."""

from __future__ import annotations

import json
import sys
from typing import Any, NoReturn

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError

from worker.engine.errors import StrataError
from worker.engine.lineage import Family, Member, dot, mermaid, outline
from worker.management.bar import size
from worker.management.finding import add_image_arguments, chosen_image
from worker.models.evidence import Candidate
from worker.models.kindred import family_of
from worker.models.lineage import candidates
from worker.models.rebuilding import RebuildStep, rebuild_order

_MEANT = {
    "digest": "it declares that it was built from this digest",
    "name": "it declares that it was built from this name",
    "history": "its history continues this one's",
}


class Command(BaseCommand):
    help = (
        "Print the family tree of an image that is here: the images whose layers it stands on, from the base "
        "up, and those that stand on it. By diff ID, so it does not matter how layers are compressed."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        add_image_arguments(parser)
        form = parser.add_mutually_exclusive_group()
        form.add_argument("--json", action="store_true", help="print it as a JSON object")
        form.add_argument("--dot", action="store_true", help="print it in Graphviz's language")
        form.add_argument("--mermaid", action="store_true", help="print it as a flowchart for Mermaid")
        form.add_argument(
            "--rebuild-order", action="store_true", help="print what stands on it in the order to rebuild it"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            image = chosen_image(options)
            if options["rebuild_order"]:
                for line in _steps(rebuild_order(image)):
                    self.stdout.write(line)
                return
            family, parents = family_of(image), candidates(image)
        except StrataError as error:
            _fail(error.message, error.hint, error.code)
        except DatabaseError as error:
            _fail(f"{' '.join(str(error).split())}.", "Check STRATA_DATABASE_URL.", "database")
        if options["json"]:
            self.stdout.write(json.dumps(_facts(image.digest, family, parents)))
        elif options["dot"] or options["mermaid"]:
            self.stdout.write((dot if options["dot"] else mermaid)(family, size), ending="")
        else:
            for line in _lines(str(image), family, parents):
                self.stdout.write(line)


def _lines(name: str, family: Family, parents: list[Candidate]) -> list[str]:
    if not family.members:
        return [f"{name} has no layers: it is related to no other image."]
    lines = list(outline(family, size))
    if parents:
        first, *others = parents
        why = "; ".join(_MEANT[evidence] for evidence in first.evidence) or "nothing but the layers says so"
        lines += ["", f"Parent: {first.image} ({why})."]
        if others:
            lines.append(
                f"It might be one of {len(others)} more with the same layers; this is the likeliest."
            )
    return lines


def _steps(steps: list[RebuildStep]) -> list[str]:
    width = len(str(len(steps)))
    return [
        f"{step.number:>{width}}. {', '.join(name for one in step.images for name in one.names)}"
        + (f"  (after {step.after})" if step.after else "")
        for step in steps
    ] or ["No image stands on it: there is nothing to rebuild."]


def _facts(digest: str, family: Family, parents: list[Candidate]) -> dict[str, Any]:
    return {
        "digest": digest,
        "parents": [
            {"digest": one.image.digest, "evidence": [evidence.value for evidence in one.evidence]}
            for one in parents
        ],
        "ambiguous": len(parents) > 1,
        "tree": [_nested(family, member) for member in family.bases],
    }


def _nested(family: Family, base: Member) -> dict[str, Any]:
    """A member with those that stand on it; chains of any length, so without recursion."""
    made: dict[str, dict[str, Any]] = {}
    for member, _ in family.walk():
        made[member.chain_id] = {
            "names": list(member.names),
            "digests": list(member.digests),
            "chain_id": member.chain_id,
            "kin": member.kin.value,
            "layers": member.layers,
            "added_layers": member.added_layers,
            "added_bytes": member.added_bytes,
            "command": member.command,
            "children": [],
        }
        if member.parent:
            made[member.parent]["children"].append(made[member.chain_id])
    return made[base.chain_id]


def _fail(message: str, hint: str, code: str) -> NoReturn:
    print(f"error: {message} {hint} [{code}]", file=sys.stderr)
    sys.exit(1)

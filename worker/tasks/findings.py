"""What a job that keeps the store in order leaves in its row: counts, and a list of bounded length."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from worker.engine.housekeeping import Cleared, Collected, Garbage, Scrubbed

MOST_LISTED = 200
"""So many items or findings are listed; the rest is counted."""


def of_collected(collected: Collected, *, dry_run: bool) -> dict[str, Any]:
    """Return what was (or would be) cleared away: by kind, and the largest items."""
    return {"dry_run": dry_run, "bytes": collected.bytes, **_listed(collected.items)}


def of_removed(cleared: Cleared, made: int, images: int, foreseen: int | None) -> dict[str, Any]:
    """Return what went with ``images`` images; what was foreseen to be freed; and what stays, and why.

    ``made`` bytes came instead: indexes of the platforms that a name still has.
    """
    stays = sorted(cleared.kept, key=lambda kept: -kept.garbage.size)
    return {
        "removed": images,
        "foreseen": foreseen,
        "bytes": cleared.bytes - made,
        **_listed(cleared.gone),
        "stay": len(stays),
        "stay_bytes": sum(kept.garbage.size for kept in stays),
        "stays": [{**_item(kept.garbage), "why": kept.why} for kept in stays[:MOST_LISTED]],
    }


def of_scrubbed(scrubbed: Scrubbed, *, repair: bool) -> dict[str, Any]:
    """Return what was looked at and found, what is still wrong first."""
    findings = sorted(scrubbed.findings, key=lambda finding: finding.repaired)
    return {
        "repair": repair,
        "blobs": scrubbed.blobs,
        "layers": scrubbed.layers,
        "bytes": scrubbed.bytes_read,
        "found": len(findings),
        "repaired": sum(finding.repaired for finding in findings),
        "findings": [
            {
                "kind": finding.kind,
                "subject": finding.subject,
                "code": finding.code,
                "message": finding.message,
                "repaired": finding.repaired,
            }
            for finding in findings[:MOST_LISTED]
        ],
    }


def _listed(items: Sequence[Garbage]) -> dict[str, Any]:
    """Count what went, by kind, and list the largest of it."""
    kinds: dict[str, dict[str, int]] = defaultdict(lambda: {"count": 0, "bytes": 0})
    for item in items:
        kinds[item.kind]["count"] += 1
        kinds[item.kind]["bytes"] += item.size
    largest = sorted(items, key=lambda item: -item.size)[:MOST_LISTED]
    return {"count": len(items), "kinds": dict(kinds), "items": [_item(item) for item in largest]}


def _item(garbage: Garbage) -> dict[str, Any]:
    return {"kind": garbage.kind, "name": garbage.name, "size": garbage.size}

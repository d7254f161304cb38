"""What a job that keeps the store in order leaves in its row: counts, and a list of bounded length."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from worker.engine.housekeeping import Collected, Scrubbed

MOST_LISTED = 200
"""So many items or findings are listed; the rest is counted."""


def of_collected(collected: Collected, *, dry_run: bool) -> dict[str, Any]:
    """Return what was (or would be) cleared away: by kind, and the largest items."""
    kinds: dict[str, dict[str, int]] = defaultdict(lambda: {"count": 0, "bytes": 0})
    for item in collected.items:
        kinds[item.kind]["count"] += 1
        kinds[item.kind]["bytes"] += item.size
    largest = sorted(collected.items, key=lambda item: -item.size)[:MOST_LISTED]
    return {
        "dry_run": dry_run,
        "count": len(collected.items),
        "bytes": collected.bytes,
        "kinds": dict(kinds),
        "items": [{"kind": item.kind, "name": item.name, "size": item.size} for item in largest],
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

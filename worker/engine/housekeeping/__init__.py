"""Keeping the store in order: clearing away, checking, repairing, measuring, and reading it back."""

from __future__ import annotations

from worker.engine.housekeeping.collect import PARTIALS_OLDER_THAN, collect
from worker.engine.housekeeping.images import stored_images
from worker.engine.housekeeping.removing import (
    Cleared,
    Kept,
    Lists,
    clear,
    lists_of,
    made_anew,
    own_parts,
    parts_of,
)
from worker.engine.housekeeping.scrub import scrub
from worker.engine.housekeeping.sizes import blob_bytes, estimated_bytes, index_bytes, tree_bytes
from worker.engine.housekeeping.survey import survey
from worker.engine.housekeeping.values import (
    Collected,
    Finding,
    Garbage,
    Scrubbed,
    StoredPull,
    Survey,
    Usage,
)

__all__ = [
    "PARTIALS_OLDER_THAN",
    "Cleared",
    "Collected",
    "Finding",
    "Garbage",
    "Kept",
    "Lists",
    "Scrubbed",
    "StoredPull",
    "Survey",
    "Usage",
    "blob_bytes",
    "clear",
    "collect",
    "estimated_bytes",
    "index_bytes",
    "lists_of",
    "made_anew",
    "own_parts",
    "parts_of",
    "scrub",
    "stored_images",
    "survey",
    "tree_bytes",
]

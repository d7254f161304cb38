"""Keeping the store in order: clearing away, checking, repairing, measuring, and reading it back."""

from __future__ import annotations

from worker.engine.housekeeping.collect import PARTIALS_OLDER_THAN, collect
from worker.engine.housekeeping.images import stored_images
from worker.engine.housekeeping.scrub import scrub
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
    "Collected",
    "Finding",
    "Garbage",
    "Scrubbed",
    "StoredPull",
    "Survey",
    "Usage",
    "collect",
    "scrub",
    "stored_images",
    "survey",
]

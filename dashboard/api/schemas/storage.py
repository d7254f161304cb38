"""The store as a whole."""

from __future__ import annotations

from datetime import datetime

from ninja import Schema

from dashboard.api.schemas.common import Bytes, Input, ProjectSlug
from dashboard.api.schemas.kept import ScrubbedOut, kept
from worker.models import Job, StoreSurvey


class KeepIn(Input):
    """Whose job it is to be."""

    project: ProjectSlug = None


class ScrubIn(KeepIn):
    """``repair``: extract or download again what is damaged."""

    repair: bool = False


class UsageOut(Schema):
    """Bytes on the disk; what hard links share counts once."""

    count: int
    bytes: Bytes


class LastScrubOut(ScrubbedOut):
    """The last scrub that went to its end."""

    finished_at: datetime | None


class StorageOut(Schema):
    """The disk use of the store that all projects share, as it was at ``measured_at``; null: not yet.

    ``saved`` is what the images would take if each kept its layers and blobs for itself, minus what these
    take once each, both by the sizes in the catalog. Kinds: blobs, trees (extracted layers), indexes,
    containers, partials, other.
    """

    measured_at: datetime | None
    is_measured_now: bool
    bytes: Bytes
    kinds: dict[str, UsageOut]
    saved: Bytes
    disk_total: Bytes
    disk_free: Bytes
    last_scrub: LastScrubOut | None

    @classmethod
    def of(cls, survey: StoreSurvey, is_measured_now: bool, scrubbed: Job | None) -> StorageOut:
        counts = kept(scrubbed) if scrubbed is not None else None
        last = None
        if scrubbed is not None and counts is not None:
            last = LastScrubOut(**counts.model_dump(), finished_at=scrubbed.finished_at)
        return cls(
            measured_at=survey.measured_at,
            is_measured_now=is_measured_now,
            bytes=survey.bytes,
            kinds={kind: UsageOut(**usage) for kind, usage in survey.kinds.items()},
            saved=survey.saved,
            disk_total=survey.disk_total,
            disk_free=survey.disk_free,
            last_scrub=last,
        )

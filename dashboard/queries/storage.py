"""The store as a whole: what was last measured, and what was last done to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from dashboard.live.picture import JobPicture
from worker.models import (
    ACTIVE_STATES,
    STORAGE_KINDS,
    Job,
    JobKind,
    JobState,
    Project,
    StoreSurvey,
)
from worker.models.job import PREVIEW_SLOT
from worker.progress import latest, of_job

PREVIEW_LASTS = timedelta(minutes=10)
"""A look at the garbage that is older says nothing of what a collection would find."""

_KINDS = (
    ("trees", "Extracted layers", "each layer once, as containers mount it"),
    ("blobs", "Compressed layers", "as they came from registries, with manifests and configs"),
    ("indexes", "File indexes", "what each layer holds, file by file"),
    ("containers", "Containers", "what they wrote on top of their images"),
    ("partials", "Unfinished", "downloads to go on with, and half-made layers"),
    ("other", "Other", "lists of images, locks"),
)
_LOADED = ("project", "image", "container", "created_by", "schedule")


@dataclass(frozen=True, slots=True)
class Part:
    """What one kind of content takes on the disk.

    Attributes:
        start, width: of its piece of the bar, in per cent.
        share: of everything, in per cent.
    """

    key: str
    label: str
    meaning: str
    count: int
    bytes: int
    start: float
    width: float
    share: float


def parts(survey: StoreSurvey) -> list[Part]:
    """Return what the store holds by kind, in the order of the bar."""
    whole = survey.bytes
    made: list[Part] = []
    start = 0.0
    for key, label, meaning in _KINDS:
        kind = survey.kinds.get(key, {"count": 0, "bytes": 0})
        share = 100 * kind["bytes"] / whole if whole else 0.0
        made.append(Part(key, label, meaning, kind["count"], kind["bytes"], start, share, share))
        start += share
    return made


def active_jobs() -> list[JobPicture]:
    """Return what is being done to the store now, in whichever project it was started."""
    rows = Job.objects.filter(kind__in=STORAGE_KINDS, state__in=ACTIVE_STATES)
    rows = rows.exclude(slot=PREVIEW_SLOT).select_related(*_LOADED).order_by("created_at")
    return [JobPicture(job, latest(job)) for job in rows]


def last_done(kind: JobKind, project: Project | None = None) -> JobPicture | None:
    """Return the last job of ``kind`` that did its work to the end; looks at garbage do not count.

    Args:
        project: Whose; None: of any.
    """
    jobs = Job.objects.done_last(kind).select_related(*_LOADED)
    job = (jobs if project is None else jobs.filter(project=project)).first()
    return JobPicture(job, of_job(job)) if job is not None else None


def last_preview() -> JobPicture | None:
    """Return the newest look at the garbage that is still of use: under way, or fresh and not acted upon."""
    looks = Job.objects.filter(slot=PREVIEW_SLOT)
    job = looks.select_related(*_LOADED).order_by("-pk").first()
    if job is None or (job.finished_at is not None and job.finished_at < timezone.now() - PREVIEW_LASTS):
        return None
    changed = Job.objects.filter(kind__in=STORAGE_KINDS, pk__gt=job.pk, state=JobState.SUCCEEDED)
    if changed.exclude(slot=PREVIEW_SLOT).exists():
        return None
    return JobPicture(job, latest(job))

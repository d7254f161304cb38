"""Jobs and their progress."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated

from ninja import Field, Schema

from dashboard.api.schemas.common import Bytes, ErrorOut, Input, ProjectSlug
from dashboard.api.schemas.kept import CollectedOut, RebuiltOut, RemovedOut, ScrubbedOut, kept
from worker.models import Job, JobKind, JobState
from worker.progress import Snapshot


class PullIn(Input):
    """What to pull. ``insecure``: plain HTTP or unchecked TLS; absent: as the registry's entry says.

    ``platforms``: several of an index's images, pulled as one; or only `all`. They come besides ``platform``.
    """

    reference: str = Field(min_length=1, max_length=512, examples=["debian:bookworm"])
    platform: str | None = Field(None, max_length=152, examples=["linux/arm64/v8"])
    platforms: list[Annotated[str, Field(max_length=152)]] = Field([], max_length=50, examples=[["all"]])
    insecure: bool | None = None
    fetch_only: bool = False
    project: ProjectSlug = None


class LayerProgressOut(Schema):
    """One layer. ``done`` counts compressed bytes of ``size`` in this phase, ``speed`` bytes per second.

    Where several platforms are pulled, ``platform`` says of which image it is, positions go on from one image
    to the next, and the layer that stands at a lower position ``again`` counts there.
    """

    position: int
    digest: str
    diff_id: str
    size: Bytes
    phase: str
    done: Bytes
    fetched: Bytes
    unpacked: Bytes
    speed: float
    platform: str
    again: bool


class RetryingOut(Schema):
    """A temporary failure that is being waited out, ``delay`` in seconds."""

    position: int | None
    reason: str
    attempt: int
    delay: float


class KeepingOut(Schema):
    """What a job that keeps the store in order does now: a step, and what of it is done.

    A ``total`` of 0 is not known.
    """

    step: str
    done: int
    total: int
    bytes: Bytes
    subject: str


class ProgressOut(Schema):
    """Where a job stands. Layers base first; empty until planned, and for jobs without layers."""

    at: datetime
    digest: str
    platform: str
    fetched: Bytes
    to_fetch: Bytes
    present_bytes: Bytes
    done: Bytes
    total: Bytes
    speed: float
    peak_speed: float
    seconds_left: float | None
    retrying: RetryingOut | None
    layers: list[LayerProgressOut]
    keeping: KeepingOut | None


class JobOut(Schema):
    """A job. ``image`` is the id of the image it brought or works on; ``unchanged``: nothing was new.

    ``images`` are all that a pull of several platforms brought, ``image`` the first of them. ``kept`` is what
    came of a job that keeps the store in order or removes images, once it has succeeded.
    """

    id: int
    project: str
    kind: JobKind
    state: JobState
    reference: str
    platform: str
    error: ErrorOut | None
    progress: ProgressOut
    image: int | None
    images: list[int]
    container: int | None
    schedule: int | None
    unchanged: bool
    kept: RemovedOut | CollectedOut | ScrubbedOut | RebuiltOut | None
    attempt: int
    created_by: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @classmethod
    def of(cls, job: Job, snapshot: Snapshot) -> JobOut:
        """Return ``job`` as ``snapshot`` shows it. ``job`` needs its project and creator loaded."""
        progress = asdict(snapshot)
        progress["at"] = snapshot.time
        return cls(
            id=job.pk,
            project=job.project.slug,
            kind=JobKind(job.kind),
            state=JobState(snapshot.state),
            reference=job.reference,
            platform=snapshot.platform or job.platform,
            error=_error(job, snapshot),
            progress=ProgressOut(**{name: progress[name] for name in ProgressOut.model_fields}),
            image=job.image_id,
            images=job.result.get("images") or ([job.image_id] if job.image_id else []),
            container=job.container_id,
            schedule=job.schedule_id,
            unchanged=bool(job.result.get("unchanged")),
            kept=kept(job),
            attempt=job.attempt,
            created_by=job.created_by.get_username() if job.created_by else None,
            created_at=job.created_at,
            started_at=job.started_at,
            finished_at=job.finished_at,
        )


def _error(job: Job, snapshot: Snapshot) -> ErrorOut | None:
    if snapshot.error is not None:
        return ErrorOut(**asdict(snapshot.error))
    if job.error_code:
        return ErrorOut(code=job.error_code, message=job.error_message, hint=job.error_hint)
    return None

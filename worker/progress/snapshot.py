"""Where a job stands, as one frozen value that holds everything a page shows of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Self

from django.utils import timezone

from worker.models import Job


@dataclass(frozen=True, slots=True)
class LayerSnapshot:
    """One layer. Sizes in bytes, ``speed`` in bytes per second.

    Attributes:
        phase: a value of worker.engine.events.Phase.
        done: compressed bytes consumed in this phase, of ``size``.
        fetched: bytes that crossed the wire in this run.
        unpacked: bytes of uncompressed tar produced so far.
        platform: of the image that it belongs to, where several are pulled; else empty.
        again: it stands at a lower position already; the job's sums count it there.
    """

    position: int
    digest: str
    diff_id: str
    size: int
    phase: str
    done: int = 0
    fetched: int = 0
    unpacked: int = 0
    speed: float = 0.0
    platform: str = ""
    again: bool = False


@dataclass(frozen=True, slots=True)
class RetryInfo:
    """A temporary failure that is being waited out; ``position`` is None outside of layers."""

    position: int | None
    reason: str
    attempt: int
    delay: float


@dataclass(frozen=True, slots=True)
class KeepingInfo:
    """What a job that keeps the store in order does now, as worker.engine.events.Keeping."""

    step: str
    done: int = 0
    total: int = 0
    bytes: int = 0
    subject: str = ""


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """Why a job failed, as in worker.engine.errors."""

    code: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A whole job at one moment. Sizes in bytes, speeds in bytes per second.

    Attributes:
        digest: of the image, of several of the first, once resolved; else empty.
        platform: likewise; several are separated by commas.
        layers: base first, of several images one after another; empty until planned, and for jobs without.
        fetched: bytes that crossed the wire in this run; to_fetch: bytes that have to, in all.
        present_bytes: compressed size of the layers that were already here.
        done, total: compressed bytes dealt with, of all layers; never goes backwards within a run.
        seconds_left: None while it cannot be told.
        keeping: for a job that keeps the store in order, once it has begun; else None.
        at: when, RFC 3339.
    """

    job: int
    state: str
    kind: str
    reference: str
    digest: str = ""
    platform: str = ""
    layers: tuple[LayerSnapshot, ...] = ()
    fetched: int = 0
    to_fetch: int = 0
    present_bytes: int = 0
    done: int = 0
    total: int = 0
    speed: float = 0.0
    peak_speed: float = 0.0
    seconds_left: float | None = None
    retrying: RetryInfo | None = None
    error: ErrorInfo | None = None
    keeping: KeepingInfo | None = None
    at: str = ""

    @property
    def time(self) -> datetime:
        return datetime.fromisoformat(self.at)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def to_json(self) -> str:
        return json.dumps(self.to_dict(), separators=(",", ":"))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        fields = dict(data)
        fields["layers"] = tuple(LayerSnapshot(**layer) for layer in fields.get("layers", ()))
        if fields.get("retrying"):
            fields["retrying"] = RetryInfo(**fields["retrying"])
        if fields.get("error"):
            fields["error"] = ErrorInfo(**fields["error"])
        if fields.get("keeping"):
            fields["keeping"] = KeepingInfo(**fields["keeping"])
        return cls(**fields)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        return cls.from_dict(json.loads(text))


def error_of(job: Job) -> ErrorInfo | None:
    """Return why ``job`` failed, as its row has it; None if it did not."""
    return ErrorInfo(job.error_code, job.error_message, job.error_hint) if job.error_code else None


def of_job(job: Job) -> Snapshot:
    """Return what the job's row tells: all there is to tell before it runs and after it ended."""
    if job.progress:
        saved = Snapshot.from_dict(job.progress)
        if saved.state == job.state:
            return saved
    return Snapshot(
        job=job.pk,
        state=job.state,
        kind=job.kind,
        reference=job.reference,
        digest=job.image.digest if job.image else "",
        platform=job.platform,
        error=error_of(job),
        at=(job.finished_at or job.started_at or job.created_at or timezone.now()).isoformat(),
    )

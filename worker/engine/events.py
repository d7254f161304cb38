"""Progress, as frozen values: what a long engine call tells its caller while it runs.

Sizes are bytes. Positions count layers from 0, the base first. The caller may be called from several
threads, one event at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Phase(StrEnum):
    """Where one layer stands."""

    WAITING = "waiting"
    DOWNLOADING = "downloading"
    EXTRACTING = "extracting"
    DONE = "done"
    PRESENT = "already here"


@dataclass(frozen=True, slots=True)
class Resolved:
    """The reference was found: this manifest, for this platform."""

    reference: str
    digest: str
    platform: str


@dataclass(frozen=True, slots=True)
class LayerPlan:
    """One layer of the plan. ``present``: its tree (or, for a fetch-only pull, its blob) is already here."""

    position: int
    digest: str
    diff_id: str
    size: int
    present: bool


@dataclass(frozen=True, slots=True)
class Planned:
    """All layers of the image, base first."""

    layers: tuple[LayerPlan, ...]


@dataclass(frozen=True, slots=True)
class LayerProgress:
    """One layer moved on.

    Attributes:
        done: compressed bytes of this layer that have been consumed in this phase.
        total: compressed size of this layer.
        fetched: bytes of it that crossed the wire in this run (the rest was on disk before).
        unpacked: bytes of uncompressed tar produced so far.
    """

    position: int
    phase: Phase
    done: int
    total: int
    fetched: int = 0
    unpacked: int = 0


@dataclass(frozen=True, slots=True)
class Retrying:
    """A temporary failure; trying again after ``delay`` seconds. ``position`` is None outside of layers."""

    position: int | None
    reason: str
    attempt: int
    delay: float


Event = Resolved | Planned | LayerProgress | Retrying
Listener = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Listen to nothing."""

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
    """The reference was found: this manifest, for this platform; of several platforms, one after another.

    Attributes:
        index: The digest of the index that led to it; empty if none did.
    """

    reference: str
    digest: str
    platform: str
    index: str = ""


@dataclass(frozen=True, slots=True)
class LayerPlan:
    """One layer of the plan.

    Attributes:
        present: Its tree (or, for a fetch-only pull, its blob) is already here.
        platform: Of the image that it belongs to, where several are pulled; else empty.
        again: The plan has the same layer at a lower position: it is brought, and counts, once.
    """

    position: int
    digest: str
    diff_id: str
    size: int
    present: bool
    platform: str = ""
    again: bool = False


@dataclass(frozen=True, slots=True)
class Planned:
    """All layers of the image, base first; of several images, one image after another."""

    layers: tuple[LayerPlan, ...]


@dataclass(frozen=True, slots=True)
class LayerProgress:
    """One layer moved on.

    Attributes:
        done: compressed bytes of this layer that have been consumed in this phase.
        total: compressed size of this layer.
        fetched: bytes of it that crossed the wire in this run (the rest was on disk before).
        unpacked: bytes of uncompressed tar produced so far.
        shared: somebody else brings it, who wants it too: ``done`` is how far they have come.
    """

    position: int
    phase: Phase
    done: int
    total: int
    fetched: int = 0
    unpacked: int = 0
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Retrying:
    """A temporary failure; trying again after ``delay`` seconds. ``position`` is None outside of layers."""

    position: int | None
    reason: str
    attempt: int
    delay: float


@dataclass(frozen=True, slots=True)
class RateLimitSeen:
    """A registry said how many pulls it still grants.

    Attributes:
        host: The registry's, as references name it; that of a mirror, if it was the mirror that said it.
        limit, remaining: Pulls within the window, and how many of them are left.
        window: In seconds; 0 if it was not said.
        source: Who is counted, in the registry's words (an address, an account); may be empty.
        wait: Seconds after which there are certainly more; 0 if that is not known.
    """

    host: str
    limit: int
    remaining: int
    window: int
    source: str
    wait: int


@dataclass(frozen=True, slots=True)
class Keeping:
    """A job that keeps the store in order moved on (collect, scrub, rebuild).

    Attributes:
        step: What it does now, in two or three words; the counters below belong to this step.
        done, total: Things dealt with, of how many; a total of 0 is not known.
        bytes: Bytes dealt with.
        subject: What it works on, for people: a digest or a name; may be empty.
    """

    step: str
    done: int
    total: int
    bytes: int
    subject: str


Event = Resolved | Planned | LayerProgress | Retrying | RateLimitSeen | Keeping
Listener = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Listen to nothing."""


def all_of(*listeners: Listener) -> Listener:
    """Return one listener that tells each of these, in this order."""

    def tell(event: Event) -> None:
        for listener in listeners:
            listener(event)

    return tell

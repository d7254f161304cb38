"""What housekeeping tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from worker.engine.errors import StrataError
from worker.engine.oci import Digest
from worker.engine.pipeline.values import PulledImage

GarbageKind = Literal["blob", "layer", "partial", "container", "other"]
UsageKind = Literal["blobs", "trees", "indexes", "partials", "containers", "other"]
FindingKind = Literal["list", "image", "blob", "layer", "stray"]


@dataclass(frozen=True, slots=True)
class Garbage:
    """One thing that nothing needs.

    Attributes:
        kind: ``blob``, ``layer`` (an extracted tree with its file index), ``partial`` (an unfinished download
            or a half-made layer), ``container`` (a half-made one) or ``other``.
        name: Digest or diff ID; of what has none its path in the store.
        size: Bytes; of a layer those of its files' content.
    """

    kind: GarbageKind
    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Collected:
    """What was, or would be, cleared away.

    Attributes:
        items: Sorted by kind and name.
        bytes: Of all together.
    """

    items: tuple[Garbage, ...] = ()
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Usage:
    """Some part of the disk use.

    Attributes:
        count: How many things.
        bytes: On disk.
    """

    count: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Survey:
    """The store's disk use.

    Attributes:
        kinds: ``blobs``, ``trees`` (of layers), ``indexes`` (layers' file indexes and records), ``partials``
            (everything unfinished), ``containers`` and ``other``.
        layers: bytes on disk of each extracted layer's tree, by diff ID.
    """

    kinds: Mapping[UsageKind, Usage]
    layers: Mapping[str, int] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """Of all kinds together."""
        return sum(usage.bytes for usage in self.kinds.values())


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be.

    Attributes:
        kind: What it is about: a ``list`` of images, an ``image``, a ``blob``, a ``layer``, or a ``stray``:
            something that has no business where it is.
        subject: Digest, diff ID, image name or path in the store.
        code: What is wrong, stable: ``damaged``, ``missing``, ``unreadable``, ``unknown``.
        message: One sentence for people; if it could not be repaired, why.
        repaired: Whether it is as it should be now.
    """

    kind: FindingKind
    subject: str
    code: Literal["damaged", "missing", "unreadable", "unknown"]
    message: str
    repaired: bool = False


@dataclass(frozen=True, slots=True)
class Scrubbed:
    """What a scrub looked at, and found.

    Attributes:
        blobs: How many were read and hashed.
        layers: How many trees were compared with their file indexes.
        bytes_read: Of blobs and files.
        findings: Empty when all is well.
    """

    blobs: int
    layers: int
    bytes_read: int
    findings: tuple[Finding, ...] = ()

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong (any more)."""
        return all(finding.repaired for finding in self.findings)


@dataclass(frozen=True, slots=True)
class StoredPull:
    """A listed image, read back from the store alone.

    Attributes:
        name: The reference that means it now; empty if none does.
        digest: Of its manifest, as the registry has it.
        image: As a pull would tell it; None if it cannot be read.
        error: Why not; None if it can.
        origin: The reference that it was last pulled by, also if that means another image now; empty if that
            is not known any more.
    """

    name: str
    digest: Digest
    image: PulledImage | None
    error: StrataError | None = None
    origin: str = ""

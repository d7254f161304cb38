"""What a comparison of two trees is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntFlag, StrEnum
from typing import NamedTuple


class Aspect(IntFlag):
    """In what an entry differs that both sides have."""

    TYPE = 1
    CONTENT = 2
    LINK = 4
    """A symlink's target; or which other names a file has by hard links."""
    DEVICE = 8
    MODE = 16
    OWNER = 32
    XATTRS = 64
    TIME = 128

    @property
    def names(self) -> tuple[str, ...]:
        """In lower case, the weightiest first."""
        return tuple(one.name.lower() for one in Aspect if one in self and one.name)


NOTHING = Aspect(0)


class Kind(StrEnum):
    """How an entry differs. What is not the same but for its time is apart: builds touch everything."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    TIME = "time"


class Entry(NamedTuple):
    """One path of a merged tree.

    Attributes:
        path: From the root, without a leading slash.
        type: ``file``, ``directory``, ``symlink``, ``char``, ``block``, ``fifo``; in a container also
            ``socket``.
        size: Bytes of content; 0 unless a file.
        link: A symlink's target.
        sha256: Of a file's content; None if it is not known (in a container, of what is too large to hash).
        linked: The first, by name, of the names that this file has by hard links; empty if it has but one.
        layer: Position of the layer that it comes from; -1 for a container's own.
    """

    path: bytes
    type: str
    size: int
    mode: int
    uid: int
    gid: int
    mtime_ns: int
    link: bytes
    sha256: bytes | None
    xattrs: Mapping[bytes, bytes]
    device: tuple[int, int] | None
    linked: bytes
    layer: int

    @property
    def weight(self) -> int:
        """Bytes that it takes: those of a file with several names count at the first of them."""
        return self.size if not self.linked or self.linked == self.path else 0


class Difference(NamedTuple):
    """One path that is not the same on both sides.

    Attributes:
        aspects: In what it differs, if both sides have it.
        type, size: Of what is there in the end; of what was removed, as it was.
        growth: Bytes that it takes more on the second side; negative if less.
        at_before, at_after: Its places on both sides, for ``Comparison.entries``; -1 where it is not.
    """

    path: bytes
    kind: Kind
    aspects: Aspect
    type: str
    size: int
    growth: int
    at_before: int
    at_after: int


@dataclass(frozen=True, slots=True)
class Count:
    """How many differences of one kind, and how many bytes they take more or less.

    Attributes:
        entries: Paths; of these ``files`` are regular files.
        grown, shrunk: Bytes, both as positive numbers.
    """

    entries: int = 0
    files: int = 0
    grown: int = 0
    shrunk: int = 0

    @property
    def growth(self) -> int:
        return self.grown - self.shrunk


@dataclass(frozen=True, slots=True)
class DirectoryGrowth:
    """A directory and all that differs in it, however deep.

    Attributes:
        path: Without a leading slash; the root is empty.
        grown, shrunk: Bytes, both as positive numbers.
        differences: Paths in it that differ, time alone not counted.
        has_more: Whether some of them are in directories below it.
    """

    path: bytes
    grown: int
    shrunk: int
    differences: int
    has_more: bool

    @property
    def growth(self) -> int:
        return self.grown - self.shrunk

    @property
    def moved(self) -> int:
        """What came and what went, together."""
        return self.grown + self.shrunk

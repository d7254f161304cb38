"""What to look for, as a value that was checked; and what is found."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from worker.engine.errors import InvalidInput
from worker.engine.layers import EntryType
from worker.engine.oci import Digest

MOST_TEXT = 1000
_HEX = re.compile(r"(?:sha256:)?([0-9a-fA-F]{64})")


class Mode(StrEnum):
    """How the text is meant."""

    TEXT = "text"
    """Anywhere in the path, which begins with a slash."""
    GLOB = "glob"
    REGEX = "regex"
    SHA256 = "sha256"
    """Of the content."""


class Kind(StrEnum):
    """What stands there."""

    FILE = "file"
    DIRECTORY = "directory"
    SYMLINK = "symlink"
    DEVICE = "device"
    FIFO = "fifo"
    DELETED = "deleted"
    """A mark that deletes the path, or what a directory held, from the layers below."""

    @property
    def types(self) -> frozenset[EntryType]:
        return _TYPES[self]


_TYPES = {
    Kind.FILE: frozenset({EntryType.FILE, EntryType.HARDLINK}),
    Kind.DIRECTORY: frozenset({EntryType.DIRECTORY}),
    Kind.SYMLINK: frozenset({EntryType.SYMLINK}),
    Kind.DEVICE: frozenset({EntryType.CHAR, EntryType.BLOCK}),
    Kind.FIFO: frozenset({EntryType.FIFO}),
    Kind.DELETED: frozenset({EntryType.WHITEOUT, EntryType.OPAQUE}),
}
KIND_OF = {type_: kind for kind, types in _TYPES.items() for type_ in types}


@dataclass(frozen=True, slots=True)
class FileQuery:
    """One search.

    Attributes:
        text: What the mode says; for ``SHA256`` 64 hexadecimal digits, ``sha256:`` in front or not.
        kind: None: any.
        min_size, max_size: Bytes of content, both included; either means files alone. None: any.
        ignore_case: Of letters in paths.

    Raises:
        InvalidInput: it cannot be meant.
    """

    text: str = ""
    mode: Mode = Mode.TEXT
    kind: Kind | None = None
    min_size: int | None = None
    max_size: int | None = None
    ignore_case: bool = False

    def __post_init__(self) -> None:
        if not self.text and self.kind is None and not self.by_size:
            raise InvalidInput("Nothing to look for.", hint="Give a part of a path, a size or a type.")
        if len(self.text) > MOST_TEXT:
            raise InvalidInput(f"More than {MOST_TEXT} characters are not looked for.")
        if not self.text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in self.text):
            raise InvalidInput("The text holds half of a character.")
        if self.by_size and self.kind not in (None, Kind.FILE):
            raise InvalidInput("Only files have a size.", hint="Choose files, or leave the size out.")
        if self.min_size is not None and self.max_size is not None and self.min_size > self.max_size:
            raise InvalidInput("The smallest size is above the largest.")
        if self.mode is Mode.SHA256 and _HEX.fullmatch(self.text) is None:
            raise InvalidInput("This is not a SHA-256.", hint="Give its 64 hexadecimal digits.")

    @property
    def by_size(self) -> bool:
        return self.min_size is not None or self.max_size is not None

    @property
    def sha256(self) -> bytes | None:
        match = _HEX.fullmatch(self.text) if self.mode is Mode.SHA256 else None
        return bytes.fromhex(match[1]) if match else None

    @property
    def types(self) -> frozenset[EntryType]:
        """The types that are meant; those that are no entries of their own are never among them."""
        if self.by_size:
            return Kind.FILE.types
        return self.kind.types if self.kind else frozenset(KIND_OF)

    def has_size(self, size: int) -> bool:
        """Whether ``size`` is in the range."""
        above = self.min_size is None or size >= self.min_size
        return above and (self.max_size is None or size <= self.max_size)


@dataclass(frozen=True, slots=True)
class Place:
    """One entry of one layer."""

    layer: Digest
    path: bytes
    type: EntryType


@dataclass(frozen=True, slots=True)
class Found:
    """What is the same content, wherever it stands; what has none is the same if its path and kind are.

    Attributes:
        sha256: Of a file's content; None for everything else.
        size: Bytes of a file; else 0.
        target: Of a symbolic link; else None.
        places: That match, by path as it was first seen, then by layer.
        more: Whether there are further places, which were not counted.
    """

    kind: Kind
    sha256: bytes | None
    size: int
    target: bytes | None
    places: tuple[Place, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class FoundPage:
    """One page of what was found.

    Attributes:
        after: Where the next page begins; None: this is the last one.
        in_time: Whether the page is full or the end was reached; else the time was over, and ``after`` goes
            on.
        searched: What part of the paths was looked through so far, from 0 to 1; None if that cannot be said.
    """

    items: tuple[Found, ...]
    after: str | None
    in_time: bool = True
    searched: float | None = None

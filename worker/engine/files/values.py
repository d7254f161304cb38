"""What can be said of files: one entry of a merged tree, what a layer changed of it, and sums of many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from worker.engine.layers import EntryType

DIRECTORY_TYPES = frozenset({EntryType.DIRECTORY, EntryType.IMPLIED})


class Change(StrEnum):
    """What a layer did to a path, seen from the layers below. Empty for nothing that can be seen.

    A layer that has a path with exactly what was there before changes nothing that can be seen.
    """

    NONE = ""
    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


class Difference(StrEnum):
    """In what two entries of the same path differ."""

    TYPE = "type"
    CONTENT = "content"
    """Of files their bytes, of symlinks their targets, of devices their numbers."""
    MODE = "mode"
    OWNER = "owner"
    TIME = "time"
    XATTRS = "xattrs"


@dataclass(frozen=True, slots=True)
class Node:
    """One entry of an image's merged tree.

    Attributes:
        path: From the root, without a leading slash; the root itself is empty. Not always text (``names``).
        type: Never one of those that only a layer has: a hard link has the type of what it links to, an
            implied directory is one, deletion marks are no entries.
        size: Bytes of content; 0 unless a file.
        mode: Permission bits, with set-user-ID, set-group-ID and sticky.
        uid, gid: Owner.
        mtime_ns: Nanoseconds since the epoch.
        layer: Position of the layer that it comes from (of a directory: that its attributes come from).
        link: A symlink's target as it is; else empty.
        hardlink_to: The name that its layer's tar has it first by, if this is another; else None. The content
            is this entry's own: the other name may show something else by now.
        xattrs: Extended attributes.
        sha256: Of the content of a file; else None.
        device: Major and minor number of a device; else None.
        change: What the top layer of the view did to it.
        what: In what it differs from what was there before, if ``change`` is that; else empty.
    """

    path: bytes
    type: EntryType
    size: int
    mode: int
    uid: int
    gid: int
    mtime_ns: int
    layer: int
    link: bytes = b""
    hardlink_to: bytes | None = None
    xattrs: Mapping[bytes, bytes] = field(default_factory=dict, hash=False)
    sha256: bytes | None = None
    device: tuple[int, int] | None = None
    change: Change = Change.NONE
    what: tuple[Difference, ...] = ()

    @property
    def name(self) -> bytes:
        """The last part of the path; the root's is empty."""
        return self.path.rpartition(b"/")[2]

    @property
    def is_directory(self) -> bool:
        return self.type is EntryType.DIRECTORY

    @property
    def is_file(self) -> bool:
        return self.type is EntryType.FILE


@dataclass(frozen=True, slots=True)
class Version:
    """What one layer says about a path.

    Attributes:
        layer: Its position.
        change: Whether it adds, changes or removes it; nothing, if it has just what was there before.
        node: What is there with this layer on top; None if it removes it.
    """

    layer: int
    change: Change
    node: Node | None


@dataclass(frozen=True, slots=True)
class Total:
    """What is in a directory, at any depth; the directory itself not counted.

    Attributes:
        bytes: Content of files; a file with several names in it counts once, as ``du`` counts.
        files: Names of regular files.
        directories: Directories.
        others: Symlinks, devices and FIFOs.
    """

    bytes: int
    files: int
    directories: int
    others: int

    @property
    def entries(self) -> int:
        return self.files + self.directories + self.others


@dataclass(frozen=True, slots=True)
class Count:
    """So many entries.

    Attributes:
        files: Entries that are no directories.
        directories: Directories.
        bytes: Content of files, a file with several names once.
    """

    files: int = 0
    directories: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Changes:
    """What one layer did to what the layers below show.

    Attributes:
        added: Paths that were not there.
        changed: Paths that were there and differ; with their bytes now.
        changed_before: Bytes that the changed ones had.
        removed: Paths that are not there any more, also because a directory above them is gone.
    """

    added: Count
    changed: Count
    changed_before: int
    removed: Count

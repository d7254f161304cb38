"""What a container changed: its upper directory, compared with the layers below.

OverlayFS writes into the upper only what changed: new and changed files whole, a whiteout (a character device
0:0) for what was removed, and an opaque mark on a directory that was replaced.
"""

from __future__ import annotations

import errno
import heapq
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from worker.engine.layers.xattrs import OVERLAY_OPAQUE

MAX_CHANGES = 10_000
MAX_DEPTH = 256
"""Deeper directories are listed, but not looked into: each level costs a file descriptor."""

Kind = Literal["added", "changed", "removed"]

_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_TYPES = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "symlink",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "character device",
    stat.S_IFBLK: "block device",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One path that is not as in the image.

    Attributes:
        path: Absolute, as seen in the container. Names are bytes; those that are not UTF-8 are shown with
            ``\\xNN``, so that this is always text for JSON and HTML. The true name is ``raw_path``.
        kind: ``added``, ``changed`` or ``removed``. What was removed with its directory is not listed apart.
        type: ``file``, ``directory``, ``symlink``, ...; of the removed thing if it was removed.
        size: Bytes of a file now; 0 for everything else.
    """

    path: str
    kind: Kind
    type: str
    size: int
    raw_path: bytes = field(repr=False)


def changes_in(upper: Path, trees: tuple[Path, ...], limit: int = MAX_CHANGES) -> list[Change]:
    """List what ``upper`` changes on ``trees`` (base first), in the order of a sorted directory listing.

    At most the first ``limit`` are listed. A directory is only listed when it is new, gone, or its own mode
    or owner changed; not because something in it did. The container may be running and change things while
    this looks; what it looks at can not lead it out of ``upper``.

    Raises:
        OSError: this process may not read all of it.
    """
    walk = _Walk(limit)
    top = os.open(upper, _OPEN)
    try:
        walk.directory(top, b"", [os.fsencode(tree) for tree in reversed(trees)])
    finally:
        os.close(top)
    return walk.found


@dataclass(slots=True)
class _Walk:
    limit: int
    found: list[Change] = field(default_factory=list)

    @property
    def full(self) -> bool:
        return len(self.found) >= self.limit

    def add(self, path: bytes, kind: Kind, status: os.stat_result) -> None:
        shown = path.decode("utf-8", "backslashreplace")
        size = status.st_size if stat.S_ISREG(status.st_mode) and kind != "removed" else 0
        type_ = _TYPES.get(stat.S_IFMT(status.st_mode), "unknown")
        self.found.append(Change(shown, kind, type_, size, path))

    def directory(self, descriptor: int, path: bytes, lowers: list[bytes], depth: int = 0) -> None:
        """List the changes in one directory of the upper.

        Args:
            lowers: The directories that it is merged with, the topmost first. Each was reached without
                following a link.
        """
        entries = self._entries(descriptor)
        gone = self._hidden(lowers, entries) if _is_opaque(descriptor) else {}
        for name in sorted(entries.keys() | gone.keys()):
            if self.full:
                return
            here = path + b"/" + name
            if name not in entries:
                self.add(here, "removed", gone[name])
                continue
            self._entry(descriptor, name, here, entries[name], lowers, depth)

    def _entry(
        self, parent: int, name: bytes, path: bytes, status: os.stat_result, lowers: list[bytes], depth: int
    ) -> None:
        before = _lookup(lowers, name)
        if _is_whiteout(status):
            if before is not None:
                self.add(path, "removed", before)
            return
        is_directory = stat.S_ISDIR(status.st_mode)
        if before is None:
            self.add(path, "added", status)
        elif not (is_directory and _same_directory(before, status)):
            self.add(path, "changed", status)
        if is_directory and depth < MAX_DEPTH:
            try:
                descriptor = os.open(name, _OPEN, dir_fd=parent)
            except (FileNotFoundError, NotADirectoryError):
                return  # gone meanwhile
            try:
                self.directory(descriptor, path, _merged_with(lowers, name), depth + 1)
            finally:
                os.close(descriptor)

    def _entries(self, descriptor: int) -> Mapping[bytes, os.stat_result]:
        """The first names of a directory, in order; never more in memory than can be listed."""
        wanted = self.limit - len(self.found)
        with os.scandir(descriptor) as entries:
            names = heapq.nsmallest(wanted, (os.fsencode(entry.name) for entry in entries))
        found = {}
        for name in names:
            try:
                found[name] = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            except FileNotFoundError:
                continue
        return found

    def _hidden(
        self, lowers: list[bytes], entries: Mapping[bytes, os.stat_result]
    ) -> Mapping[bytes, os.stat_result]:
        """What an opaque directory hides of the layers below, and has not itself."""
        names = {entry.name for lower in lowers for entry in os.scandir(lower)}
        visible = {name: _lookup(lowers, name) for name in names if name not in entries}
        return {name: status for name, status in visible.items() if status is not None}


def _lookup(lowers: list[bytes], name: bytes) -> os.stat_result | None:
    """What the merged layers have under a name; None if nothing, or a whiteout."""
    for lower in lowers:
        status = _stat(lower + b"/" + name)
        if status is not None:
            return None if _is_whiteout(status) else status
    return None


def _merged_with(lowers: list[bytes], name: bytes) -> list[bytes]:
    """The directories of the layers that a subdirectory is merged with, the topmost first."""
    merged = []
    for lower in lowers:
        path = lower + b"/" + name
        status = _stat(path)
        if status is None:
            continue
        if not stat.S_ISDIR(status.st_mode):
            break  # a file or a whiteout: it hides what is further down
        merged.append(path)
        if _is_opaque(path):
            break
    return merged


def _stat(path: bytes) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG):
            return None
        raise


def _is_whiteout(status: os.stat_result) -> bool:
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == 0


def _is_opaque(directory: int | bytes) -> bool:
    try:
        return os.getxattr(directory, OVERLAY_OPAQUE) == b"y"
    except OSError:  # no such mark, or no right to see it
        return False


def _same_directory(before: os.stat_result, now: os.stat_result) -> bool:
    return (before.st_mode, before.st_uid, before.st_gid) == (now.st_mode, now.st_uid, now.st_gid)

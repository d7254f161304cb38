"""Comparing a layer's tree with its file index, entry by entry and byte by byte."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgpack

from worker.engine.housekeeping.filesystem import FileSystem, xattrs_of
from worker.engine.housekeeping.walk import Found, walk
from worker.engine.layers import EntryType, FileEntry, FileIndex
from worker.engine.layers.xattrs import OVERLAY_OPAQUE

_CHUNK = 1 << 20
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_OVERLAY = "trusted.overlay."
_FORMATS = {
    EntryType.FILE: stat.S_IFREG,
    EntryType.DIRECTORY: stat.S_IFDIR,
    EntryType.IMPLIED: stat.S_IFDIR,
    EntryType.SYMLINK: stat.S_IFLNK,
    EntryType.CHAR: stat.S_IFCHR,
    EntryType.BLOCK: stat.S_IFBLK,
    EntryType.FIFO: stat.S_IFIFO,
    EntryType.WHITEOUT: stat.S_IFCHR,
}


class Comparison:
    """One tree and its index.

    The records wait in memory, packed, until the walk through the tree comes by: about 200 bytes each.

    Attributes:
        entries: Records of the index, once :meth:`differences` is done.
        content_size: Bytes of the regular files' content, as the index says.
        implied: Paths of the directories that the index calls implied.
    """

    def __init__(
        self, tree: Path, index: FileIndex, file_system: FileSystem, on_read: Callable[[int], None]
    ) -> None:
        """``on_read`` is told how many bytes of content were read, all the time; it may raise, to end it."""
        self._tree = tree
        self._index = index
        self._file_system = file_system
        self._on_read = on_read
        self._records: dict[bytes, bytes] = {}
        self._opaque: set[bytes] = set()
        self._links: dict[bytes, bytes] = {}  # hard link to its target
        self._inodes: dict[bytes, int] = {}  # of what has more than one name
        self.entries = 0
        self.content_size = 0
        self.implied: set[bytes] = set()

    def differences(self) -> Iterator[str]:
        """Yield a sentence for each thing that is not as the index says.

        Raises:
            StoreDamaged, LayerMissing: the index cannot be read.
            OSError: the tree cannot.
        """
        yield from self._read_index()
        root = self._records.pop(b"", None)
        if root is None:
            yield "the index does not know the tree's root"
        else:
            with _opened(self._tree) as fd:
                yield from self._attributes(_unpack(root), os.fstat(fd), fd)
        for found in walk(self._tree):
            record = self._records.pop(found.path, None)
            if record is None:
                yield f"{_shown(found.path)} is not in the index"
            else:
                yield from self._entry(_unpack(record), found)
        yield from (f"{_shown(path)} is missing" for path in sorted(self._records))
        yield from self._hard_links()

    def _read_index(self) -> Iterator[str]:
        for entry in self._index.entries():
            self.entries += 1
            if entry.type is EntryType.OPAQUE:
                self._opaque.add(entry.path)
                continue
            if entry.path in self._records:
                yield f"{_shown(entry.path)} is in the index twice"
            self._records[entry.path] = msgpack.packb(entry.pack())
            if entry.type is EntryType.FILE:
                self.content_size += entry.size
            elif entry.type is EntryType.HARDLINK:
                self._links[entry.path] = entry.link
            elif entry.type is EntryType.IMPLIED:
                self.implied.add(entry.path)

    def _entry(self, entry: FileEntry, found: Found) -> Iterator[str]:
        status = found.status
        if status.st_nlink > 1 and not stat.S_ISDIR(status.st_mode):
            self._inodes[entry.path] = status.st_ino
        if entry.type is EntryType.HARDLINK:
            return
        if stat.S_IFMT(status.st_mode) != _FORMATS[entry.type]:
            yield f"{_shown(entry.path)} is no {entry.type.value}"
        elif entry.type is EntryType.WHITEOUT:
            if status.st_rdev != 0:
                yield f"{_shown(entry.path)} is a device, and should be a deletion mark"
        elif entry.type in (EntryType.FILE, EntryType.DIRECTORY, EntryType.IMPLIED):
            with _opened(found.name, found.parent) as fd:
                yield from self._attributes(entry, status, fd)
                if entry.type is EntryType.FILE:
                    yield from self._content(entry, status.st_size, fd)
        else:
            yield from self._attributes(entry, status, _way(found))
            if entry.type is EntryType.SYMLINK and os.readlink(found.name, dir_fd=found.parent) != entry.link:
                yield f"{_shown(entry.path)} leads elsewhere"
            elif entry.device is not None and os.makedev(*entry.device) != status.st_rdev:
                yield f"{_shown(entry.path)} is another device"

    def _attributes(self, entry: FileEntry, status: os.stat_result, it: int | bytes) -> Iterator[str]:
        """``it`` is an open file or directory, or the way to what cannot be opened."""
        name = _shown(entry.path)
        if (status.st_uid, status.st_gid) != (entry.uid, entry.gid):
            yield f"{name} belongs to {status.st_uid}:{status.st_gid}, not to {entry.uid}:{entry.gid}"
        link = entry.type is EntryType.SYMLINK
        is_ = (
            entry.mode if link else status.st_mode & 0o7777,
            status.st_mtime_ns,
            xattrs_of(it),
        )
        if is_ != (entry.mode, entry.mtime_ns, dict(entry.xattrs)):
            kept = self._file_system.keeps(entry)
            mode, mtime_ns, xattrs = kept or (entry.mode, entry.mtime_ns, entry.xattrs)
            if is_[0] != mode:
                yield f"{name} has the mode {is_[0]:o}, not {mode:o}"
            if is_[1] != mtime_ns:
                yield f"{name} has another time"
            if is_[2] != xattrs:
                yield f"{name} has other extended attributes"
        if isinstance(it, int):
            yield from self._overlay_marks(entry.path, it)

    def _overlay_marks(self, path: bytes, fd: int) -> Iterator[str]:
        """OverlayFS's own attributes: the mark of an opaque directory where it belongs, and no other."""
        marks = {name for name in os.listxattr(fd) if name.startswith(_OVERLAY)}
        opaque = OVERLAY_OPAQUE in marks and os.getxattr(fd, OVERLAY_OPAQUE) == b"y"
        if opaque != (path in self._opaque):
            yield f"{_shown(path)} is {'' if opaque else 'not '}marked as opaque"
        if marks - {OVERLAY_OPAQUE}:
            yield f"{_shown(path)} has marks of OverlayFS that no layer has"

    def _content(self, entry: FileEntry, size: int, fd: int) -> Iterator[str]:
        if size != entry.size:
            yield f"{_shown(entry.path)} has {size} bytes, not {entry.size}"
            return
        digest = hashlib.sha256()
        while data := os.read(fd, _CHUNK):
            digest.update(data)
            self._on_read(len(data))
        if digest.digest() != entry.sha256:
            yield f"{_shown(entry.path)} has other content"

    def _hard_links(self) -> Iterator[str]:
        """Exactly the names that the index links to each other are one file."""
        first: dict[int, bytes] = {}
        for path, inode in self._inodes.items():
            if path not in self._links and first.setdefault(inode, path) != path:
                yield f"{_shown(path)} is the same file as {_shown(first[inode])}, and should not be"
        for path, link in self._links.items():
            found = self._inodes.get(path)
            if path not in self._records and (found is None or found != self._inodes.get(link)):
                yield f"{_shown(path)} is not the same file as {_shown(link)}"


class _opened:
    """An open file or directory, of which the access time stays as it is where that is allowed."""

    def __init__(self, path: bytes | Path, parent: int | None = None) -> None:
        try:
            self._fd = os.open(path, _READ | os.O_NOATIME, dir_fd=parent)
        except PermissionError:
            self._fd = os.open(path, _READ, dir_fd=parent)

    def __enter__(self) -> int:
        return self._fd

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)


def _way(found: Found) -> bytes:
    """A path to an entry that leads through its open directory, and follows no link."""
    return b"/proc/self/fd/%d/%s" % (found.parent, found.name)


def _unpack(record: bytes) -> FileEntry:
    values: list[Any] = msgpack.unpackb(record, strict_map_key=False)
    return FileEntry.unpack(values)


def _shown(path: bytes) -> str:
    return repr(os.fsdecode(path)) if path else "the root"

"""What the store's file system makes of the attributes that a layer asks for.

Times may be coarser than nanoseconds or end in 2446; some extended attributes may not exist here. A tree was
written under the same limits, so such a difference is none.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from worker.engine.disk import remove_tree
from worker.engine.layers import EntryType, FileEntry
from worker.engine.layers.xattrs import accepted, set_xattrs

_DIRECTORIES = (EntryType.DIRECTORY, EntryType.IMPLIED)
_OPENED = (*_DIRECTORIES, EntryType.FILE)  # of links and special files only the time is tried


class Kept(NamedTuple):
    """Attributes that an entry has in the end."""

    mode: int
    mtime_ns: int
    xattrs: Mapping[bytes, bytes]


class FileSystem:
    """Tries attributes out, on a file or directory of its own."""

    def __init__(self, scratch: Path) -> None:
        """``scratch`` is a directory on the file system in question."""
        self._scratch = scratch

    def keeps(self, entry: FileEntry) -> Kept | None:
        """What becomes of an entry's attributes here; None if that cannot be tried.

        Only root may try everything; and a store may be read-only.
        """
        try:
            with self._place() as place:
                return _try(place, entry)
        except OSError:
            return None

    @contextlib.contextmanager
    def _place(self) -> Iterator[Path]:
        """A directory, held as a lock: what a killed process leaves of it is garbage at once."""
        place = Path(tempfile.mkdtemp(prefix="probe-", dir=self._scratch))
        try:
            fd = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX)
                yield place
            finally:
                os.close(fd)
        finally:
            remove_tree(place)


def xattrs_of(it: int | bytes) -> dict[bytes, bytes]:
    """The extended attributes that a layer may set, of an open file or of what is at a path, itself.

    Raises:
        OSError: the disk refuses.
    """
    follow = isinstance(it, int)
    names = os.listxattr(it, follow_symlinks=follow)
    return accepted({os.fsencode(name): os.getxattr(it, name, follow_symlinks=follow) for name in names})


def _try(place: Path, entry: FileEntry) -> Kept:
    path = place / "entry"
    if entry.type in _DIRECTORIES:
        path.mkdir()
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    else:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.utime(fd, ns=(entry.mtime_ns, entry.mtime_ns))
        mtime_ns = os.fstat(fd).st_mtime_ns
        if entry.type not in _OPENED:
            return Kept(entry.mode, mtime_ns, entry.xattrs)
        os.fchown(fd, entry.uid, entry.gid)
        os.fchmod(fd, entry.mode)
        set_xattrs(fd, entry.xattrs)
        return Kept(os.fstat(fd).st_mode & 0o7777, mtime_ns, xattrs_of(fd))
    finally:
        os.close(fd)

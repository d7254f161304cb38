"""A layer's records from its tree, for when its file index is lost and so is the blob that both came from."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Collection, Iterator
from pathlib import Path

from worker.engine.cancel import CancelToken
from worker.engine.housekeeping.filesystem import xattrs_of
from worker.engine.housekeeping.walk import Found, walk
from worker.engine.layers import EntryType, FileEntry
from worker.engine.layers.xattrs import OVERLAY_OPAQUE
from worker.engine.merged.inheritance import Attributes

_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CHUNK = 1 << 20
_LIKE_IMPLIED = Attributes()
_TYPES = {
    stat.S_IFREG: EntryType.FILE,
    stat.S_IFDIR: EntryType.DIRECTORY,
    stat.S_IFLNK: EntryType.SYMLINK,
    stat.S_IFCHR: EntryType.CHAR,
    stat.S_IFBLK: EntryType.BLOCK,
    stat.S_IFIFO: EntryType.FIFO,
}


def entries_of_tree(
    tree: Path, implied: Collection[bytes] | None, cancel: CancelToken
) -> Iterator[FileEntry]:
    """Yield a record for everything in the tree of a layer, as if it had just been extracted.

    No link is followed, nothing but directories and regular files is opened.

    Args:
        implied: The directories that the layer's tar has no entry for. None if nobody remembers: then it is
            those that have no attributes but the ones that such a directory is given.

    Raises:
        OSError: the disk refuses, or there is what no layer has (a socket).
        Cancelled
    """
    names: dict[tuple[int, int], bytes] = {}
    fd = os.open(tree, _OPEN | os.O_DIRECTORY)
    try:
        yield from _directory(b"", fd, implied)
    finally:
        os.close(fd)
    for found in walk(tree):
        cancel.check()
        status = found.status
        identity = (status.st_dev, status.st_ino)
        if status.st_nlink > 1 and not stat.S_ISDIR(status.st_mode) and not _is_whiteout(status):
            first = names.setdefault(identity, found.path)
            if first != found.path:
                yield FileEntry(found.path, EntryType.HARDLINK, link=first)
                continue
        if stat.S_ISDIR(status.st_mode) or stat.S_ISREG(status.st_mode):
            fd = os.open(found.name, _OPEN, dir_fd=found.parent)
            try:
                if stat.S_ISDIR(status.st_mode):
                    yield from _directory(found.path, fd, implied)
                else:
                    yield _file(found.path, fd, cancel)
            finally:
                os.close(fd)
        elif _is_whiteout(status):
            yield FileEntry(found.path, EntryType.WHITEOUT)
        else:
            yield _special(found)


def _is_whiteout(status: os.stat_result) -> bool:
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == 0


def _directory(path: bytes, fd: int, implied: Collection[bytes] | None) -> Iterator[FileEntry]:
    status, xattrs = os.fstat(fd), xattrs_of(fd)
    mode = stat.S_IMODE(status.st_mode)
    attributes = Attributes(mode, status.st_uid, status.st_gid, status.st_mtime_ns, xattrs)
    is_implied = attributes == _LIKE_IMPLIED if implied is None else path in implied
    kind = EntryType.IMPLIED if is_implied else EntryType.DIRECTORY
    yield FileEntry(path, kind, 0, mode, status.st_uid, status.st_gid, status.st_mtime_ns, xattrs=xattrs)
    if OVERLAY_OPAQUE in os.listxattr(fd):
        yield FileEntry(path, EntryType.OPAQUE)


def _file(path: bytes, fd: int, cancel: CancelToken) -> FileEntry:
    status = os.fstat(fd)
    digest, size = hashlib.sha256(), 0
    while data := os.read(fd, _CHUNK):
        cancel.check()
        digest.update(data)
        size += len(data)
    return FileEntry(
        path,
        EntryType.FILE,
        size,
        stat.S_IMODE(status.st_mode),
        status.st_uid,
        status.st_gid,
        status.st_mtime_ns,
        xattrs=xattrs_of(fd),
        sha256=digest.digest(),
    )


def _special(found: Found) -> FileEntry:
    status = found.status
    kind = _TYPES.get(stat.S_IFMT(status.st_mode))
    if kind is None:
        raise OSError(f"{found.path!r} is of a type that no layer has")
    link = os.readlink(found.name, dir_fd=found.parent) if kind is EntryType.SYMLINK else b""
    is_device = kind in (EntryType.CHAR, EntryType.BLOCK)
    return FileEntry(
        found.path,
        kind,
        0,
        0o777 if link else stat.S_IMODE(status.st_mode),
        status.st_uid,
        status.st_gid,
        status.st_mtime_ns,
        link,
        xattrs_of(b"/proc/self/fd/%d/%s" % (found.parent, found.name)),
        device=(os.major(status.st_rdev), os.minor(status.st_rdev)) if is_device else None,
    )

"""A container compared with its image: what stands in its upper directory, beside what the image has there.

Only what the container changed is looked at, and only what cannot be told otherwise is read: a file that is
as long as before. A running container changes things meanwhile; what is gone by then is left out.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from worker.engine.compare.sides import entry_of, linked_names, side_of
from worker.engine.compare.trees import Comparison, compare_sides
from worker.engine.compare.values import Entry
from worker.engine.containers import MAX_CHANGES, Change
from worker.engine.content.beneath import look_up
from worker.engine.files import View
from worker.engine.layers import EntryType
from worker.engine.layers.xattrs import accepted

HASHED_MAX = 256 << 20
"""So many bytes of a container's files are read to tell whether they are the same."""

CONTAINER = -1
"""The layer of what is the container's own."""

_TREE = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_CHUNK = 1 << 20
# Nothing is there, or something else on the way: a link, a mount, a file.
_ELSEWHERE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EXDEV, errno.ENAMETOOLONG})
_TYPES = {
    stat.S_IFREG: EntryType.FILE.value,
    stat.S_IFDIR: EntryType.DIRECTORY.value,
    stat.S_IFLNK: EntryType.SYMLINK.value,
    stat.S_IFIFO: EntryType.FIFO.value,
    stat.S_IFCHR: EntryType.CHAR.value,
    stat.S_IFBLK: EntryType.BLOCK.value,
    stat.S_IFSOCK: "socket",
}


@dataclass(slots=True)
class _Found:
    """One entry of the upper, as it was looked at."""

    entry: Entry
    inode: tuple[int, int] | None


def compare_upper(image: View, upper: Path | None, changes: Sequence[Change]) -> Comparison:
    """Compare a container with its image.

    Args:
        image: The image's files.
        upper: The container's writable layer; None for one that has none yet.
        changes: What :func:`~worker.engine.containers.changes.changes_in` found in it.

    Raises:
        OSError: this process may not read it.
    """
    before: dict[bytes, Entry] = {}
    found: dict[bytes, Entry] = {}
    if upper is not None and changes:
        root = os.open(upper, _TREE)
        try:
            paths = [change.raw_path.lstrip(b"/") for change in changes if _is_there(change)]
            found = _linked(_look(root, path) for path in paths)
            before = _touched(image, changes, found)
            _hash_what_may_be_same(root, before, found)
        finally:
            os.close(root)
    was, now = side_of(before.values()), side_of(found.values())
    whole = image.total(b"").bytes
    untouched = len(image) - len(before)
    compared = compare_sides(
        replace(was, weight=whole, left_out=untouched),
        replace(now, weight=whole - sum(was.weights) + sum(now.weights), left_out=untouched),
    )
    return replace(compared, cut=len(changes) >= MAX_CHANGES)


def read_upper(upper: Path, path: bytes, limit: int) -> bytes:
    """Return the first bytes of a regular file of a container, at most ``limit``.

    Raises:
        FileNotFoundError: there is none.
        OSError: this process may not read it.
    """
    root = os.open(upper, _TREE)
    try:
        descriptor = _open(root, path)
    finally:
        os.close(root)
    with os.fdopen(descriptor, "rb") as file:
        return file.read(limit)


def _is_there(change: Change) -> bool:
    return change.kind != "removed"


def _touched(image: View, changes: Sequence[Change], found: Mapping[bytes, Entry]) -> dict[bytes, Entry]:
    """What the image has at the paths that were changed, and in directories that are gone or replaced."""
    linked = linked_names(image)
    names = {image.node(at).path: first for at, first in linked.items()}
    touched: dict[bytes, Entry] = {}
    for change in changes:
        path = change.raw_path.lstrip(b"/")
        node = image.get(path)
        if node is None or (_is_there(change) and path not in found):
            continue
        stays = path in found and found[path].type == EntryType.DIRECTORY
        nodes = image.walk(path) if node.is_directory and not stays else (node,)
        touched.update((one.path, entry_of(one, names.get(one.path, b""))) for one in nodes)
    return touched


def _look(root: int, path: bytes) -> _Found | None:
    try:
        found = look_up(root, path)
    except (OSError, ValueError):
        return None  # gone or replaced meanwhile
    try:
        status = os.fstat(found)
        kind = _TYPES.get(stat.S_IFMT(status.st_mode))
        if kind is None or (stat.S_ISCHR(status.st_mode) and status.st_rdev == 0):
            return None
        is_file, is_link = stat.S_ISREG(status.st_mode), stat.S_ISLNK(status.st_mode)
        is_device = kind in (EntryType.CHAR, EntryType.BLOCK)
        entry = Entry(
            path=path,
            type=kind,
            size=status.st_size if is_file else 0,
            mode=stat.S_IMODE(status.st_mode),
            uid=status.st_uid,
            gid=status.st_gid,
            mtime_ns=status.st_mtime_ns,
            link=os.readlink(b"", dir_fd=found) if is_link else b"",
            sha256=None,
            xattrs=_xattrs(found),
            device=(os.major(status.st_rdev), os.minor(status.st_rdev)) if is_device else None,
            linked=b"",
            layer=CONTAINER,
        )
        linked = is_file and status.st_nlink > 1
        return _Found(entry, (status.st_dev, status.st_ino) if linked else None)
    finally:
        os.close(found)


def _linked(found: Iterable[_Found | None]) -> dict[bytes, Entry]:
    """Entries by path; of files with several names each tells the first one."""
    first: dict[tuple[int, int], bytes] = {}
    names: dict[tuple[int, int], int] = {}
    rows = [one for one in found if one is not None]
    for one in rows:
        if one.inode is not None:
            first[one.inode] = min(first.get(one.inode, one.entry.path), one.entry.path)
            names[one.inode] = names.get(one.inode, 0) + 1
    return {
        one.entry.path: one.entry._replace(linked=first[one.inode])
        if one.inode is not None and names[one.inode] > 1
        else one.entry
        for one in rows
    }


def _xattrs(descriptor: int) -> dict[bytes, bytes]:
    magic = f"/proc/self/fd/{descriptor}"
    try:
        return accepted({os.fsencode(name): os.getxattr(magic, name) for name in os.listxattr(magic)})
    except OSError:  # the file system knows no such attributes, or they changed meanwhile
        return {}


def _hash_what_may_be_same(root: int, before: Mapping[bytes, Entry], found: dict[bytes, Entry]) -> None:
    """Read files that are as long as they were. What is more than may be read stays without a hash."""
    budget = HASHED_MAX
    for path, entry in found.items():
        was = before.get(path)
        if was is None or (was.type, was.size) != (entry.type, entry.size) or was.sha256 is None:
            continue
        if entry.size > budget:
            continue
        try:
            descriptor = _open(root, path)
        except FileNotFoundError:
            continue
        sha256, read = _hash(descriptor, entry.size)
        budget -= read
        found[path] = entry._replace(sha256=sha256)


def _open(root: int, path: bytes) -> int:
    """Open a regular file beneath a directory, without ever opening anything else.

    Raises:
        FileNotFoundError: there is none (any more).
    """
    try:
        found = look_up(root, path)
    except ValueError as error:
        raise FileNotFoundError(path) from error
    except OSError as error:
        if error.errno not in _ELSEWHERE:
            raise
        raise FileNotFoundError(path) from error
    try:
        if not stat.S_ISREG(os.fstat(found).st_mode):
            raise FileNotFoundError(path)
        return os.open(f"/proc/self/fd/{found}", _READ)
    finally:
        os.close(found)


def _hash(descriptor: int, size: int) -> tuple[bytes | None, int]:
    """The hash of an open file, which is closed, and how many bytes were read; None if it is not of this size
    any more: it may grow while it is read."""
    digest, read = hashlib.sha256(), 0
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        while read <= size and (chunk := file.read(_CHUNK)):
            digest.update(chunk)
            read += len(chunk)
    return (digest.digest() if read == size else None), read

"""A container compared with its image: what stands in its upper directory, beside what the image has there.

Only what the container changed is looked at, and only what cannot be told otherwise is read: a file that is
as long as before. A running container changes things meanwhile; what is gone by then is left out.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from worker.engine.compare.trees import Comparison, differing_aspects, gathered
from worker.engine.compare.values import NOTHING, Aspect, Difference, Entry, Kind
from worker.engine.containers import Change
from worker.engine.content.beneath import look_up
from worker.engine.layers import EntryType
from worker.engine.layers.xattrs import accepted

HASHED_MAX = 256 << 20
"""So many bytes of a container's files are read to tell whether they are the same."""

CONTAINER = -1
"""The layer of what is the container's own."""

_TREE = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_CHUNK = 1 << 20
_TYPES = {
    stat.S_IFREG: EntryType.FILE.value,
    stat.S_IFDIR: EntryType.DIRECTORY.value,
    stat.S_IFLNK: EntryType.SYMLINK.value,
    stat.S_IFIFO: EntryType.FIFO.value,
    stat.S_IFCHR: EntryType.CHAR.value,
    stat.S_IFBLK: EntryType.BLOCK.value,
    stat.S_IFSOCK: "socket",
}


@dataclass(frozen=True, slots=True)
class ImageTree:
    """The side of the image.

    Attributes:
        get: The entry at a path, if there is one.
        below: All entries in a directory, however deep.
        weight: Bytes of content of all of it.
        entries: How many paths it has.
    """

    get: Callable[[bytes], Entry | None]
    below: Callable[[bytes], Iterable[Entry]]
    weight: int
    entries: int


@dataclass(slots=True)
class _Found:
    """One entry of the upper, as it was looked at."""

    entry: Entry
    inode: tuple[int, int] | None


def compare_upper(image: ImageTree, upper: Path, changes: Sequence[Change]) -> Comparison:
    """Compare a container with its image.

    Args:
        upper: Its writable layer.
        changes: What :func:`~worker.engine.containers.changes.changes_in` found in it.

    Raises:
        OSError: this process may not read it.
    """
    differences: list[Difference] = []
    untouched = 0
    budget = HASHED_MAX
    root = os.open(upper, _TREE)
    try:
        seen = _linked([_look(root, change) for change in changes if change.kind != "removed"])
        for change in changes:
            path = change.raw_path.lstrip(b"/")
            before = image.get(path)
            after = seen.get(path)
            if change.kind == "removed":
                differences += _removed(image, before)
                continue
            if after is None:
                continue
            if before is None:
                differences.append(Difference(path, Kind.ADDED, NOTHING, None, after, after.weight))
                continue
            if before.type == EntryType.DIRECTORY and after.type != EntryType.DIRECTORY:
                differences += _gone(image.below(path))
            if _needs_hash(before, after):
                after, read = _hashed(root, after, budget)
                budget -= read
            aspects = differing_aspects(before, after)
            if not aspects:
                untouched += 1
                continue
            kind = Kind.TIME if aspects == Aspect.TIME else Kind.CHANGED
            differences.append(Difference(path, kind, aspects, before, after, after.weight - before.weight))
    finally:
        os.close(root)
    touched = sum(one.before is not None for one in differences)
    growth = sum(one.growth for one in differences)
    return gathered(differences, image.entries - touched, image.weight, image.weight + growth)


def _removed(image: ImageTree, before: Entry | None) -> Iterator[Difference]:
    if before is None:
        return
    yield from _gone([before])
    if before.type == EntryType.DIRECTORY:
        yield from _gone(image.below(before.path))


def _gone(entries: Iterable[Entry]) -> Iterator[Difference]:
    for entry in entries:
        yield Difference(entry.path, Kind.REMOVED, NOTHING, entry, None, -entry.weight)


def _look(root: int, change: Change) -> _Found | None:
    path = change.raw_path.lstrip(b"/")
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


def _needs_hash(before: Entry, after: Entry) -> bool:
    return before.type == after.type == EntryType.FILE and before.size == after.size


def _hashed(root: int, entry: Entry, budget: int) -> tuple[Entry, int]:
    """Read a file to tell its hash; None stays if it is larger than what may be read, or just changed."""
    if entry.size > budget:
        return entry, 0
    try:
        found = look_up(root, entry.path)
    except OSError:
        return entry, 0
    try:
        if not stat.S_ISREG(os.fstat(found).st_mode):
            return entry, 0
        descriptor = os.open(f"/proc/self/fd/{found}", _READ)
    except OSError:
        return entry, 0
    finally:
        os.close(found)
    digest, read = hashlib.sha256(), 0
    try:
        # It may grow while it is read.
        while read <= entry.size and (chunk := os.read(descriptor, _CHUNK)):
            digest.update(chunk)
            read += len(chunk)
    finally:
        os.close(descriptor)
    return (entry._replace(sha256=digest.digest()) if read == entry.size else entry), read

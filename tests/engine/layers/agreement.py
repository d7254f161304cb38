"""Whether a tree and its file index say the same; and whether anything beside a tree was touched."""

from __future__ import annotations

import hashlib
import os
import stat
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from worker.engine.layers import EntryType, FileEntry
from worker.engine.layers.xattrs import OVERLAY_OPAQUE

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
_OF_THE_MACHINE = ("security.selinux", OVERLAY_OPAQUE)


def disagreements(root: Path, listed: Iterable[FileEntry]) -> list[str]:
    """What a tree and the records of its index (but for opaque ones) tell differently; one line each."""
    entries = {entry.path: entry for entry in listed if entry.type is not EntryType.OPAQUE}
    there = {b"": os.lstat(root)} | {
        os.fsencode(path.relative_to(root)): path.lstat() for path in root.rglob("*")
    }
    found = [f"{path!r}: only in the tree" for path in there.keys() - entries.keys()]
    found += [f"{path!r}: only in the index" for path in entries.keys() - there.keys()]
    for path in there.keys() & entries.keys():
        entry, place = entries[path], root / os.fsdecode(path)
        while entry.type is EntryType.HARDLINK:
            entry = entries[entry.link]
        said, is_so = _said(entry), _is_so(place, entry)
        found += [
            f"{path!r}: {key}: {said[key]!r} != {is_so[key]!r}" for key in said if said[key] != is_so[key]
        ]
    return sorted(found + _groups(there, entries))


def _said(entry: FileEntry) -> dict[str, object]:
    said: dict[str, object] = {"format": _FORMATS[entry.type]}
    if entry.type is EntryType.WHITEOUT:
        return said | {"device": 0}
    said |= {
        "mode": entry.mode,
        "owner": (entry.uid, entry.gid),
        "mtime": entry.mtime_ns,
        "xattrs": dict(entry.xattrs),
    }
    if entry.type is EntryType.FILE:
        said |= {"size": entry.size, "sha256": entry.sha256}
    if entry.type is EntryType.SYMLINK:
        said |= {"link": entry.link}
    if entry.device is not None:
        said |= {"device": os.makedev(*entry.device)}
    return said


def _is_so(place: Path, entry: FileEntry) -> dict[str, object]:
    status = place.lstat()
    is_file, is_link = stat.S_ISREG(status.st_mode), stat.S_ISLNK(status.st_mode)
    return {
        "format": stat.S_IFMT(status.st_mode),
        "device": status.st_rdev,
        "mode": stat.S_IMODE(status.st_mode),
        "owner": (status.st_uid, status.st_gid),
        "mtime": status.st_mtime_ns,
        "xattrs": xattrs_of(place),
        "size": status.st_size,
        "sha256": hashlib.sha256(place.read_bytes()).digest() if is_file else None,
        "link": os.readlink(os.fsencode(place)) if is_link else b"",  # noqa: PTH115 (a Path tidies up)
    }


def xattrs_of(place: Path) -> dict[bytes, bytes]:
    """The extended attributes of anything, but for those of the machine."""
    names = os.listxattr(place, follow_symlinks=False)
    return {
        os.fsencode(name): os.getxattr(place, name, follow_symlinks=False)
        for name in names
        if name not in _OF_THE_MACHINE
    }


def _groups(there: dict[bytes, os.stat_result], entries: dict[bytes, FileEntry]) -> list[str]:
    """Names of the same file, as the tree has them and as the index tells; and none of them outside."""
    in_tree, in_index = defaultdict(set), defaultdict(set)
    links = {}
    for path, status in there.items():
        if not stat.S_ISDIR(status.st_mode):
            in_tree[status.st_dev, status.st_ino].add(path)
            links[path] = status.st_nlink
    for path, entry in entries.items():
        if entry.type not in (EntryType.DIRECTORY, EntryType.IMPLIED):
            while entry.type is EntryType.HARDLINK:
                entry = entries[entry.link]
            in_index[entry.path].add(path)
    ours, theirs = set(map(frozenset, in_tree.values())), set(map(frozenset, in_index.values()))
    found = [f"one file in the tree only: {sorted(group)}" for group in ours - theirs]
    found += [f"one file in the index only: {sorted(group)}" for group in theirs - ours]
    found += [
        f"{path!r}: has names outside of the tree"
        for group in ours
        for path in group
        if links[path] != len(group)
    ]
    return found


def snapshot(place: Path, but: Path) -> dict[str, tuple[object, ...]]:
    """Everything below ``place``, with content and times, but for ``but`` and what is in it."""
    found: dict[str, tuple[object, ...]] = {}
    for path in [place, *place.rglob("*")]:
        if path == but or but in path.parents:
            continue
        status = path.lstat()
        content = path.read_bytes() if stat.S_ISREG(status.st_mode) else b""
        times = () if path == but.parent else (status.st_mtime_ns, status.st_ctime_ns)
        found[str(path)] = (
            status.st_mode,
            status.st_uid,
            status.st_gid,
            status.st_size,
            status.st_nlink if path != but.parent else 0,
            content,
            *times,
        )
    return found

"""Layers over each other, done naively: every layer a dictionary, applied as the OCI image spec words it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from worker.engine.layers import EntryType, FileEntry

DIRECTORIES = (EntryType.DIRECTORY, EntryType.IMPLIED)


@dataclass(frozen=True)
class Seen:
    """What is at a path: the record that tells it, the layer it is of, and its file there."""

    entry: FileEntry
    layer: int
    inode: bytes

    @property
    def facts(self) -> tuple[object, ...]:
        """Everything by which it can differ from another."""
        entry = self.entry
        kind = EntryType.DIRECTORY if entry.type in DIRECTORIES else entry.type
        return (kind, entry.size, entry.mode, entry.uid, entry.gid, entry.mtime_ns, entry.link, entry.sha256)


Tree = dict[bytes, Seen]


def parents(path: bytes) -> list[bytes]:
    found = []
    while path:
        path = path.rpartition(b"/")[0]
        found.append(path)
    return found


def is_in(path: bytes, directory: bytes) -> bool:
    return directory in parents(path)


def apply(below: Mapping[bytes, Seen], layer: int, records: Iterable[FileEntry]) -> Tree:
    """The tree that results."""
    entries = {entry.path: entry for entry in records if entry.type is not EntryType.OPAQUE}
    opaque = [entry.path for entry in records if entry.type is EntryType.OPAQUE]
    for path in list(entries):
        for parent in parents(path):
            entries.setdefault(parent, FileEntry(parent, EntryType.IMPLIED, mode=0o755))
    entries.setdefault(b"", FileEntry(b"", EntryType.IMPLIED, mode=0o755))
    whiteouts = [entry.path for entry in entries.values() if entry.type is EntryType.WHITEOUT]
    others = [entry.path for entry in entries.values() if entry.type not in DIRECTORIES]
    tree = {
        path: seen
        for path, seen in below.items()
        if not any(is_in(path, one) for one in (*opaque, *others)) and path not in whiteouts
    }
    for path, entry in entries.items():
        old = tree.get(path)
        if entry.type is EntryType.WHITEOUT:
            continue
        if entry.type is EntryType.IMPLIED and old is not None and old.entry.type in DIRECTORIES:
            continue
        inode = path
        while entry.type is EntryType.HARDLINK:
            inode = entry.link
            entry = replace(entries[inode], path=path)
        tree[path] = Seen(entry, layer, inode)
    return tree


def trees(layers: Sequence[Sequence[FileEntry]]) -> list[Tree]:
    """The tree as of each layer, the base first."""
    found: list[Tree] = []
    for position, records in enumerate(layers):
        found.append(apply(found[-1] if found else {}, position, records))
    return found


def size(tree: Tree, directory: bytes) -> int:
    """Bytes of what is in a directory, each file once."""
    inside = [seen for path, seen in tree.items() if is_in(path, directory)]
    return sum({(seen.layer, seen.inode): seen.entry.size for seen in inside}.values())

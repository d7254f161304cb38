"""Small layers for the tests of search, and the slow and obvious way to search them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from worker.engine.layers import EntryType, FileEntry
from worker.engine.oci import Digest
from worker.engine.search import SearchWriter, database

Layers = Mapping[Digest, list[FileEntry]]


def layer(name: str) -> Digest:
    return Digest.of(name.encode())


def file(path: str | bytes, content: str = "", size: int | None = None) -> FileEntry:
    """A file; its size is that of its content if not said."""
    data = content.encode()
    name = path.encode() if isinstance(path, str) else path
    return FileEntry(
        name, EntryType.FILE, len(data) if size is None else size, 0o644, sha256=hashlib.sha256(data).digest()
    )


def link(path: str, target: str) -> FileEntry:
    return FileEntry(path.encode(), EntryType.SYMLINK, link=target.encode())


def mark(path: str, kind: EntryType = EntryType.WHITEOUT) -> FileEntry:
    return FileEntry(path.encode(), kind)


def make(directory: Path, layers: Layers) -> Path:
    """Make a search database of these layers, and return its file."""
    directory.mkdir(parents=True, exist_ok=True)
    path = database.current(directory)
    if path is None:
        path = database.following(directory)
        database.create(path)
    with SearchWriter(path) as writer:
        for diff_id, entries in layers.items():
            writer.add(diff_id, iter(entries))
    return path


def paths(places: Iterable[object]) -> list[str]:
    return [place.path.decode() for place in places]  # type: ignore[attr-defined]

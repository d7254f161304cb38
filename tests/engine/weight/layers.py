"""Layers of a few words each, as tables and as the files of an image."""

from __future__ import annotations

from worker.engine.files import ImageFiles
from worker.engine.files.loading import make_table
from worker.engine.files.table import LayerTable
from worker.engine.layers import EntryType, FileEntry

Entry = FileEntry | tuple[str, int] | str


def entry(given: Entry) -> FileEntry:
    """``("a/b", 7)`` is a file, ``"a/b/"`` a directory, ``"-a/b"`` a deletion mark."""
    if isinstance(given, FileEntry):
        return given
    if isinstance(given, tuple):
        path, size = given
        return FileEntry(path.encode(), EntryType.FILE, size, 0o644, sha256=bytes(32))
    if given.startswith("-"):
        return FileEntry(given[1:].encode(), EntryType.WHITEOUT)
    return FileEntry(given.rstrip("/").encode(), EntryType.DIRECTORY, mode=0o755)


def file(path: str, size: int = 1, *, mode: int = 0o644, content: str = "") -> FileEntry:
    sha256 = content.encode().ljust(32, b"\0")
    return FileEntry(path.encode(), EntryType.FILE, size, mode, sha256=sha256)


def hardlink(path: str, target: str) -> FileEntry:
    return FileEntry(path.encode(), EntryType.HARDLINK, link=target.encode())


def opaque(path: str) -> FileEntry:
    return FileEntry(path.encode(), EntryType.OPAQUE)


def layer(*entries: Entry) -> LayerTable:
    return make_table(tuple(entry(one).pack()) for one in entries)


def image(*layers: LayerTable) -> ImageFiles:
    return ImageFiles(layers)

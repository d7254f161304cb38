"""Taking back records of a file index: what a later entry of the same tar replaced does not exist.

Two passes over the records, one after the other; what is held in memory grows with what was replaced alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

Record = list[Any]
"""A record as it stands in the file (``FileEntry.pack``): its path, the number of its type, ..."""

_PATH, _TYPE, _LINK = 0, 1, 7
HARDLINK_NUMBER = 3
"""The number that stands for ``EntryType.HARDLINK`` in the file."""


def collapse(values: Callable[[], Iterator[Any]]) -> Iterator[Record]:
    """Yield the records that hold in the end, in their order.

    The content of a file that is gone lives on in its hard links: the first left takes over its record.

    Args:
        values: Begins to read: records (lists), and paths (bytes), of which the records, and those of
            everything below, are taken back as far as they came before. Other values say nothing.
    """
    removals = _Removals(values())
    estates: dict[bytes, _Estate] = {}
    for at, record in enumerate(values()):
        if not isinstance(record, list):
            continue
        path, gone = record[_PATH], at < removals.last(record[_PATH])
        estate = estates.get(record[_LINK]) if record[_TYPE] == HARDLINK_NUMBER else None
        if estate is not None and not gone:
            record = estate.claim(path)
        if not gone:
            estates.pop(path, None)
            yield record
        elif estate is not None:
            estates[path] = estate
        elif record[_TYPE] == HARDLINK_NUMBER:
            estates[path] = _Estate(record, heir=record[_LINK])
        else:
            estates[path] = _Estate(record)


class _Estate:
    """What was at a path that is gone: a file that may have other names."""

    def __init__(self, record: Record, heir: bytes | None = None) -> None:
        self._record = record
        self._heir = heir

    def claim(self, path: bytes) -> Record:
        """The record of another name, which is left: the file's own if it is the first."""
        if self._heir is None:
            self._heir = path
            return [path, *self._record[1:]]
        return [path, HARDLINK_NUMBER, 0, 0, 0, 0, 0, self._heir]


class _Removals:
    """When each path was last removed, itself or with a directory above it."""

    def __init__(self, values: Iterator[Any]) -> None:
        self._own: dict[bytes, int] = {}
        for at, value in enumerate(values):
            if isinstance(value, bytes):
                self._own[value] = at
        self._directories: dict[bytes, int] = {b"": -1}

    def last(self, path: bytes) -> int:
        """The place in the stream; -1 for never."""
        return max(self._own.get(path, -1), self._of_directory(path.rpartition(b"/")[0]))

    def _of_directory(self, path: bytes) -> int:
        """Each directory is worked out once, however many paths are in it."""
        pending = []
        while path not in self._directories:
            pending.append(path)
            path = path.rpartition(b"/")[0]
        last = self._directories[path]
        for deeper in reversed(pending):
            last = self._directories[deeper] = max(last, self._own.get(deeper, -1))
        return last

"""Sums over a merged tree: of every directory, and of what a layer changed."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate

from worker.engine.files.columns import Columns
from worker.engine.files.entries import Entries, differences
from worker.engine.files.merge import Merged
from worker.engine.files.table import DIRECTORIES, FILE, LayerTable
from worker.engine.files.values import Changes, Count, Total


@dataclass(frozen=True, slots=True, eq=False)
class Totals:
    """Sums of all directories of a tree: of each the difference of two places of a running sum.

    Attributes:
        sizes: Bytes of content before each entry, and at last of all. A file with several names in a
            directory counts there once: what is too much is taken off at the deepest directory that has
            two of them.
        files, directories: Their numbers, likewise.
    """

    sizes: array[int]
    files: array[int]
    directories: array[int]

    @classmethod
    def of(cls, merged: Merged, tables: tuple[LayerTable, ...]) -> Totals:
        columns = Columns(merged.entries, tables)
        sizes = columns.sizes
        for directory, size in _counted_twice(merged, tables, sizes):
            sizes[directory] -= size
        kinds = [tables[at].kinds for at in range(len(tables))]
        found = [
            kinds[layer][row] for layer, row in zip(merged.entries.layers, merged.entries.rows, strict=True)
        ]
        return cls(
            array("q", accumulate(sizes, initial=0)),
            array("I", accumulate([kind == FILE for kind in found], initial=0)),
            array("I", accumulate([kind in DIRECTORIES for kind in found], initial=0)),
        )

    def within(self, at: int, span: int) -> Total:
        """What is in the directory at a place, which is so long with everything in it."""
        first, end = at + 1, at + span
        files = self.files[end] - self.files[first]
        directories = self.directories[end] - self.directories[first]
        return Total(self.sizes[end] - self.sizes[at], files, directories, span - 1 - files - directories)

    @property
    def nbytes(self) -> int:
        return sum(column.itemsize * len(column) for column in (self.sizes, self.files, self.directories))


def _counted_twice(
    merged: Merged, tables: tuple[LayerTable, ...], sizes: list[int]
) -> Iterable[tuple[int, int]]:
    """Directories in which a file occurs once more than in their parts, and its size."""
    several = [table.linked.union(table.inodes) if table.inodes else frozenset() for table in tables]
    if not any(several):
        return
    entries, spans = merged.entries, merged.spans
    last: dict[tuple[int, int], int] = {}
    parents = _parents(spans)
    for at, (layer, row) in enumerate(zip(entries.layers, entries.rows, strict=True)):
        if row not in several[layer]:
            continue
        inode = (layer, tables[layer].inodes.get(row, row))
        before = last.get(inode)
        last[inode] = at
        if before is not None and sizes[at] > 0:
            directory = parents[before]
            while directory + spans[directory] <= at:
                directory = parents[directory]
            yield directory, sizes[at]


def _parents(spans: array[int]) -> array[int]:
    """The place of the directory that each entry is in; the root's is its own."""
    parents = array("I")
    above: list[tuple[int, int]] = []
    here, end = 0, len(spans)
    for at, span in enumerate(spans):
        while at >= end:
            here, end = above.pop()
        parents.append(here)
        if span > 1:
            above.append((here, end))
            here, end = at, at + span
    return parents


class _Counter:
    """Adds up entries."""

    def __init__(self) -> None:
        self._files = self._directories = self._bytes = 0
        self._seen: set[tuple[int, int]] = set()

    def add(self, layer: int, table: LayerTable, row: int) -> None:
        if table.kinds[row] in DIRECTORIES:
            self._directories += 1
            return
        self._files += 1
        inode = table.inode(row) if table.inodes else None
        if inode is not None:
            if (layer, inode) in self._seen:
                return
            self._seen.add((layer, inode))
        self._bytes += table.sizes[row]

    def count(self) -> Count:
        return Count(self._files, self._directories, self._bytes)


def changes_of(merged: Merged, tables: tuple[LayerTable, ...]) -> Changes:
    """What the topmost layer did to what the others show."""
    added, changed, before, removed = _Counter(), _Counter(), _Counter(), _Counter()
    top = len(tables) - 1
    there = Entries(tables, merged.entries)
    old = Entries(tables, merged.replaced)
    replacing = dict(zip(merged.replacing, range(len(merged.replacing)), strict=True))
    for at, layer in enumerate(merged.entries.layers):
        if layer != top:
            continue
        table, row = there.place(at)
        which = replacing.get(at)
        if which is None:
            added.add(top, table, row)
        elif differences(*old.place(which), table, row):
            changed.add(top, table, row)
            before.add(old.layer(which), *old.place(which))
    gone = Entries(tables, merged.removed)
    for at in range(len(gone)):
        removed.add(gone.layer(at), *gone.place(at))
    return Changes(added.count(), changed.count(), before.count().bytes, removed.count())

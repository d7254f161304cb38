"""One side of a comparison, in columns: quick to compare as a whole, and made values where somebody looks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from worker.engine.compare.values import Entry
from worker.engine.files import Columns, Node, View

Extra = tuple[bytes, Mapping[bytes, bytes], tuple[int, int] | None]
"""What few entries have: a link's target, extended attributes, a device's numbers."""

_NO_EXTRA: Extra = (b"", {}, None)


Comparable = tuple[str, int, int, int, int, int, bytes | None, Extra]
"""Type, size, mode, uid, gid, time, hash and the rest of an entry."""
TIME_COLUMN = 5


@dataclass(frozen=True, slots=True)
class Side:
    """Entries of a tree, each path once.

    Attributes:
        paths: Of all entries, in the order of the tree.
        columns: The fields of :data:`Comparable`, each of all entries.
        linked: The first name of each file that has several, by the places of these among the entries.
        entry: Makes the entry at a place.
        weight: Bytes of content of the whole tree, a file with several names once.
        left_out: Entries of the tree that are not among these, for the other side has the very same.
    """

    paths: Sequence[bytes]
    columns: tuple[Sequence[Any], ...]
    linked: Mapping[int, bytes]
    entry: Callable[[int], Entry]
    weight: int
    left_out: int = 0

    @property
    def weights(self) -> Sequence[int]:
        """Bytes that each entry takes: those of a file with several names count at the first of them."""
        sizes: Sequence[int] = self.columns[1]
        others = [at for at, first in self.linked.items() if first != self.paths[at]]
        if not others:
            return sizes
        weights = list(sizes)
        for at in others:
            weights[at] = 0
        return weights


def side_of(entries: Iterable[Entry]) -> Side:
    """A side of single entries."""
    rows = list(entries)
    columns = tuple(zip(*(comparable(row) for row in rows), strict=True)) or ((),) * 8
    return Side(
        [row.path for row in rows],
        columns,
        {at: row.linked for at, row in enumerate(rows) if row.linked},
        rows.__getitem__,
        sum(row.weight for row in rows),
    )


def sides_of(a: View, b: View) -> tuple[Side, Side]:
    """Two merged trees. What both have of the very same row of a layer is left out, since it is the same: so
    images that stand on one base cost what is above it."""
    trees = _Tree(a), _Tree(b)
    shared = {id(table) for table in a.tables} & {id(table) for table in b.tables}
    origins = [tree.origins(shared) for tree in trees] if shared else [set[int](), set[int]()]
    common = origins[0] & origins[1]
    before, after = (tree.side(shared, common) for tree in trees)
    return before, after


def entry_of(node: Node, linked: bytes = b"") -> Entry:
    """A node of a tree as an entry; ``linked`` is the first of its names, if it has several."""
    return Entry(
        node.path,
        node.type,
        node.size,
        node.mode,
        node.uid,
        node.gid,
        node.mtime_ns,
        node.link,
        node.sha256,
        node.xattrs,
        node.device,
        linked,
        node.layer,
    )


def linked_names(view: View) -> dict[int, bytes]:
    """The first name, in the order of the tree, of each file that has several; by the places of all."""
    groups: dict[tuple[int, int], list[int]] = defaultdict(list)
    for at, inode in enumerate(view.columns().inodes):
        if inode is not None:
            groups[inode].append(at)
    several = [places for places in groups.values() if len(places) > 1]
    return {at: first for places in several for first in (view.entries.path(places[0]),) for at in places}


class _Tree:
    """A merged tree on its way to become a side."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._linked = linked_names(view)

    def origins(self, shared: set[int]) -> set[int]:
        """Which rows of the shared tables the entries are, as numbers that are the same for the other tree.

        Without files that have several names: which of these are there may differ.
        """
        codes = self._codes(shared)
        for at in self._linked:
            codes[at] = -1
        found = set(codes)
        found.discard(-1)
        return found

    def side(self, shared: set[int], common: set[int]) -> Side:
        """The entries that are not of ``common``."""
        view, linked = self._view, self._linked
        places: Sequence[int] = range(len(view))
        columns = every = view.columns()
        if common:
            places = [at for at, code in enumerate(self._codes(shared)) if code not in common or at in linked]
            columns = view.columns(places)
        sizes = every.sizes
        here = {place: at for at, place in enumerate(places) if place in linked} if linked else {}
        return Side(
            columns.paths,
            (
                columns.types,
                columns.sizes,
                columns.modes,
                columns.uids,
                columns.gids,
                columns.times,
                columns.hashes,
                self._extras(columns),
            ),
            {at: linked[place] for place, at in here.items()},
            lambda at: entry_of(view.node(places[at]), linked.get(places[at], b"")),
            sum(sizes)
            - sum(sizes[place] for place, at in here.items() if linked[place] != columns.paths[at]),
            len(view) - len(places),
        )

    def _codes(self, shared: set[int]) -> list[int]:
        first = [id(table) << 32 if id(table) in shared else None for table in self._view.tables]
        rows = self._view.entries.rows
        bases = [first[layer] for layer in rows.layers]
        return [-1 if base is None else base + row for base, row in zip(bases, rows.rows, strict=True)]

    def _extras(self, columns: Columns) -> list[Extra]:
        found: list[dict[int, Extra]] = [
            {
                row: (table.links.get(row, b""), table.xattrs.get(row, {}), table.devices.get(row))
                for row in {*table.links, *table.xattrs, *table.devices}
            }
            for table in self._view.tables
        ]
        return [
            found[layer].get(row, _NO_EXTRA) for layer, row in zip(columns.layers, columns.rows, strict=True)
        ]


def comparable(entry: Entry) -> Comparable:
    """What is compared of an entry."""
    extra = (entry.link, entry.xattrs, entry.device)
    return (
        entry.type, entry.size, entry.mode, entry.uid, entry.gid, entry.mtime_ns, entry.sha256, extra
    )  # fmt: skip

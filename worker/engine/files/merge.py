"""Applying a layer to the layers below (OCI image spec, layer.md, "Applying Changesets"), without a tree.

A merged tree is columns in the order of the tree, which say of each entry which row of which layer it is. One
layer is laid over it in a single pass; what it does not touch is copied in slices.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

from worker.engine.files.table import DIRECTORIES, IMPLIED, WHITEOUT, Key, LayerTable


def _shorts() -> array[int]:
    return array("H")


def _ints() -> array[int]:
    return array("I")


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Entries, each a row of a layer.

    Attributes:
        layers: Position of the layer of each.
        rows: Its row there.
    """

    layers: array[int] = field(default_factory=_shorts)
    rows: array[int] = field(default_factory=_ints)

    def __len__(self) -> int:
        return len(self.rows)

    def add(self, layer: int, row: int) -> None:
        self.layers.append(layer)
        self.rows.append(row)

    def add_range(self, other: Rows, start: int, end: int) -> None:
        self.layers.extend(other.layers[start:end])
        self.rows.extend(other.rows[start:end])

    @property
    def nbytes(self) -> int:
        return len(self) * (self.layers.itemsize + self.rows.itemsize)


@dataclass(frozen=True, slots=True, eq=False)
class Merged:
    """Layers over each other.

    Attributes:
        entries: What is there, in the order of the tree; the first is the root.
        spans: How many entries each is with everything in it.
        replacing: Those entries, ascending, by which the topmost layer replaces one that was there before.
        replaced: What these were before.
        removed: What was there before and is not any more, in the order of the tree.
    """

    entries: Rows = field(default_factory=Rows)
    spans: array[int] = field(default_factory=_ints)
    replacing: array[int] = field(default_factory=_ints)
    replaced: Rows = field(default_factory=Rows)
    removed: Rows = field(default_factory=Rows)

    @property
    def nbytes(self) -> int:
        """Memory that it takes, in bytes, without the tables that it points into."""
        return (
            self.entries.nbytes
            + 4 * (len(self.spans) + len(self.replacing))
            + self.replaced.nbytes
            + self.removed.nbytes
        )


def keys_of(rows: Rows, tables: Sequence[LayerTable]) -> list[Key]:
    """The keys of entries, in their order."""
    used = set(rows.layers)
    keys = [table.all_keys() if at in used else [] for at, table in enumerate(tables)]
    return [keys[layer][row] for layer, row in zip(rows.layers, rows.rows, strict=True)]


def lay_over(below: Merged, tables: Sequence[LayerTable]) -> Merged:
    """Apply the last of ``tables``, which are a stack's, to what the ones before it make."""
    if len(tables) == 1:
        return _base(tables[0])
    table = tables[-1]
    keys = table.all_keys()
    merging = _Merging(below, tables)
    for row, (rank, matches) in enumerate(_ranks(below, tables[:-1], keys)):
        merging.take(row, rank, matches)
    return merging.finish()


def _base(table: LayerTable) -> Merged:
    """There is nothing below: only marks have to go."""
    count = table.count
    rows, spans = array("I", range(count)), array("I", table.spans)
    if WHITEOUT in table.kinds:
        here = array("I", [row for row in rows if table.kinds[row] != WHITEOUT])
        kept = array("I", [0])
        for kind in table.kinds:
            kept.append(kept[-1] + (kind != WHITEOUT))
        spans = array("I", [kept[row + table.spans[row]] - kept[row] for row in here])
        rows = here
    return Merged(Rows(array("H", bytes(2 * len(rows))), rows), spans)


def _ranks(below: Merged, tables: Sequence[LayerTable], keys: list[Key]) -> list[tuple[int, bool]]:
    """Where ``keys``, which are in order, belong in ``below``.

    Returns:
        Of each, how many entries are not after it, and whether the last of these is the same path.
    """
    entries = below.entries
    if len(keys) * 24 < len(entries):

        def key_at(at: int) -> Key:
            return tables[entries.layers[at]].key(entries.rows[at])

        ranks = [bisect_right(range(len(entries)), key, key=key_at) for key in keys]
        return [(rank, rank > 0 and key_at(rank - 1) == key) for rank, key in zip(ranks, keys, strict=True)]
    there = keys_of(entries, tables)
    first = len(there)
    there += keys
    # Two runs in order: sorting merges them. It is stable: of the same path that from below comes first.
    order = sorted(range(len(there)), key=there.__getitem__)
    ranks = [at - nth for nth, at in enumerate([at for at, which in enumerate(order) if which >= first])]
    return [(rank, rank > 0 and there[rank - 1] == key) for rank, key in zip(ranks, keys, strict=True)]


@dataclass(slots=True)
class _Open:
    """A directory of the layer, not all of whose rows are taken yet.

    Attributes:
        end: The layer's first row that is not in it.
        place: Where it is in the result.
        below_end: Where it ends below; what is below in it is taken up to there when it is closed.
        hidden: Whether what is below in it is deleted.
    """

    end: int
    place: int
    below_end: int
    hidden: bool


class _Merging:
    """One layer on its way over the layers below, row by row."""

    def __init__(self, below: Merged, tables: Sequence[LayerTable]) -> None:
        self._below = below
        self._tables = tables
        self._table = tables[-1]
        self._layer = len(tables) - 1
        self._at = 0  # what is below up to here is copied, replaced or removed
        self._hidden = False  # whether what is below from here on is deleted
        self._open: list[_Open] = []
        self._end = self._table.count  # of the innermost open directory
        self._result = Merged()

    def take(self, row: int, rank: int, matches: bool) -> None:
        """Take the layer's next row, which belongs after ``rank`` entries of those below."""
        while row >= self._end:
            self._leave()
        kind = self._table.kinds[row]
        self._pass(rank - matches)
        if not matches:
            if kind in DIRECTORIES:
                self._put(row)
                self._enter(row, self._at, hidden=False)
            elif kind != WHITEOUT:
                self._put(row)
            return
        at = self._at
        end = at + self._below.spans[at]
        merges = kind in DIRECTORIES and self._is_directory(at)
        if merges and kind == IMPLIED and not self._hidden:
            self._pass(at + 1)  # the directory stays as it is
        elif kind != WHITEOUT:
            self._replace(row)
        if merges:
            self._enter(row, end, hidden=self._hidden or row in self._table.opaque)
        elif kind in DIRECTORIES:
            self._enter(row, end, hidden=False)
        else:
            self._remove(end)

    def finish(self) -> Merged:
        """The result, once all rows are taken."""
        while self._open:
            self._leave()
        return self._result

    def _is_directory(self, at: int) -> bool:
        entries = self._below.entries
        return self._tables[entries.layers[at]].kinds[entries.rows[at]] in DIRECTORIES

    def _put(self, row: int) -> None:
        self._result.entries.add(self._layer, row)
        self._result.spans.append(1)

    def _replace(self, row: int) -> None:
        """Put a row in the place of the next entry below."""
        result = self._result
        result.replacing.append(len(result.entries))
        result.replaced.add_range(self._below.entries, self._at, self._at + 1)
        self._at += 1
        self._put(row)

    def _pass(self, end: int) -> None:
        """Copy what is below up to ``end``, if it is not deleted."""
        if self._hidden:
            self._remove(end)
        elif self._at < end:
            self._result.entries.add_range(self._below.entries, self._at, end)
            self._result.spans.extend(self._below.spans[self._at : end])
            self._at = end

    def _remove(self, end: int) -> None:
        if self._at < end:
            self._result.removed.add_range(self._below.entries, self._at, end)
            self._at = end

    def _enter(self, row: int, below_end: int, *, hidden: bool) -> None:
        """Go into the directory that was put last."""
        self._end = row + self._table.spans[row]
        self._hidden = hidden
        self._open.append(_Open(self._end, len(self._result.entries) - 1, below_end, hidden))

    def _leave(self) -> None:
        """Leave the innermost open directory."""
        left = self._open.pop()
        self._pass(left.below_end)
        self._result.spans[left.place] = len(self._result.entries) - left.place
        above = self._open[-1] if self._open else None
        self._end = above.end if above is not None else self._table.count
        self._hidden = above is not None and above.hidden

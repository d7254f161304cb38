"""Applying a layer to the layers below (OCI image spec, layer.md, "Applying Changesets"), without a tree.

A merged tree is columns in the order of the tree, which say of each entry which row of which layer it is. One
layer is laid over it in a single pass; what it does not touch is copied in slices.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from worker.engine.files.table import DIRECTORIES, IMPLIED, WHITEOUT, Key, LayerTable

_FEW = 24  # so many times fewer rows than entries are looked up one by one


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

    def at(self, places: Sequence[int]) -> Rows:
        """Those at some places."""
        return Rows(
            array("H", map(self.layers.__getitem__, places)), array("I", map(self.rows.__getitem__, places))
        )

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


def stack_up(tables: Sequence[LayerTable], below: Merged | None = None, count: int = 0) -> Merged:
    """Merge layers, the base first.

    Args:
        below: What the first ``count`` of them make, if that is known.
    """
    merged, keys = below or Merged(), _Keys()
    for end in range(count + 1, len(tables) + 1):
        merged = _lay_over(merged, tables[:end], keys) if end > 1 else _base(tables[0])
    return merged


class _Keys:
    """The keys of all rows of tables, made when they are first asked for."""

    def __init__(self) -> None:
        self._made: dict[LayerTable, list[Key]] = {}

    def of(self, table: LayerTable) -> list[Key]:
        keys = self._made.get(table)
        if keys is None:
            keys = self._made[table] = table.all_keys()
        return keys

    def of_rows(self, rows: Rows, tables: Sequence[LayerTable]) -> list[Key]:
        used = set(rows.layers)
        keys = [self.of(table) if at in used else [] for at, table in enumerate(tables)]
        return [keys[layer][row] for layer, row in zip(rows.layers, rows.rows, strict=True)]


def _base(table: LayerTable) -> Merged:
    """There is nothing below: only marks have to go."""
    count = table.count
    rows, spans = array("I", range(count)), array("I", table.spans)
    if WHITEOUT in table.kinds:
        kept = array("I", accumulate((kind != WHITEOUT for kind in table.kinds), initial=0))
        rows = array("I", [row for row in rows if table.kinds[row] != WHITEOUT])
        spans = array("I", [kept[row + table.spans[row]] - kept[row] for row in rows])
    return Merged(Rows(array("H", bytes(2 * len(rows))), rows), spans)


def _lay_over(below: Merged, tables: Sequence[LayerTable], keys: _Keys) -> Merged:
    """Apply the last of ``tables`` to what the ones before it make."""
    table = tables[-1]
    rank_of = _ranking(below.entries, tables, keys)
    merging = _Merging(below, tables)
    row = 0
    while row < table.count:
        row = merging.take(row, *rank_of(row))
    return merging.finish()


def _ranking(entries: Rows, tables: Sequence[LayerTable], keys: _Keys) -> Callable[[int], tuple[int, bool]]:
    """Tell where the rows of the last of ``tables`` belong in entries of the others.

    Returns:
        A function: how many entries are not after a row, and whether the last of these is at the same path.
    """
    table = tables[-1]
    if table.count * _FEW < len(entries):

        def key_at(at: int) -> Key:
            return tables[entries.layers[at]].key(entries.rows[at])

        def look(row: int) -> tuple[int, bool]:
            key = table.key(row)
            rank = bisect_right(range(len(entries)), key, key=key_at)
            return rank, rank > 0 and key_at(rank - 1) == key

        return look
    every = keys.of_rows(entries, tables)
    first = len(every)
    own = keys.of(table)
    every += own
    # Two runs in order: sorting merges them. It is stable: of the same path that from below comes first.
    order = sorted(range(len(every)), key=every.__getitem__)
    ranks = [at - nth for nth, at in enumerate([at for at, which in enumerate(order) if which >= first])]
    return lambda row: (ranks[row], ranks[row] > 0 and every[ranks[row] - 1] == own[row])


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

    def take(self, row: int, rank: int, matches: bool) -> int:
        """Take the layer's next row, which belongs after ``rank`` entries of those below.

        Returns:
            The row to take next: after this one, or after everything in it.
        """
        while row >= self._end:
            self._leave()
        kind = self._table.kinds[row]
        self._pass(rank - matches)
        if matches:
            self._take_known(row, kind)
            return row + 1
        end = row + self._table.spans[row]
        if self._table.kinds.find(WHITEOUT, row, end) < 0:
            self._put_all(row, end)
            return end
        if kind != WHITEOUT:
            self._put(row)
            self._enter(row, self._at, hidden=False)
        return row + 1

    def _take_known(self, row: int, kind: int) -> None:
        """Take a row at whose path there is something below."""
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

    def _put_all(self, row: int, end: int) -> None:
        """Put rows that share nothing with what is below."""
        result = self._result
        result.entries.layers.extend([self._layer] * (end - row))
        result.entries.rows.extend(range(row, end))
        result.spans.extend(self._table.spans[row:end])

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

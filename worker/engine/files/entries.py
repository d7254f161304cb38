"""Entries of a tree that are rows of several layers: found by path, compared, and made values."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from worker.engine.files.merge import Rows
from worker.engine.files.table import DIRECTORIES, IMPLIED, TYPES, Key, LayerTable, key_of
from worker.engine.files.values import Change, Difference, Node
from worker.engine.layers import EntryType


class Entries:
    """Entries in the order of a tree, though not always all of it.

    Attributes:
        tables: The layers, the base first.
        rows: Which rows of them.
    """

    __slots__ = ("rows", "tables")

    def __init__(self, tables: Sequence[LayerTable], rows: Rows) -> None:
        self.tables = tables
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def place(self, at: int) -> tuple[LayerTable, int]:
        """The table and the row of an entry."""
        return self.tables[self.rows.layers[at]], self.rows.rows[at]

    def layer(self, at: int) -> int:
        return self.rows.layers[at]

    def key(self, at: int) -> Key:
        table, row = self.place(at)
        return table.key(row)

    def path(self, at: int) -> bytes:
        table, row = self.place(at)
        return table.path(row)

    def name(self, at: int) -> bytes:
        table, row = self.place(at)
        return table.name(row)

    def is_directory(self, at: int) -> bool:
        table, row = self.place(at)
        return table.kinds[row] in DIRECTORIES

    def find(self, path: bytes) -> int | None:
        """Which entry is at ``path``."""
        key = key_of(path)
        at = self.first_from(key)
        return at if at < len(self) and self.key(at) == key else None

    def first_from(self, key: Key, start: int = 0) -> int:
        """The first entry, from ``start`` on, that does not come before ``key``."""
        return bisect_left(range(len(self)), key, lo=start, key=self.key)

    def directly_in(self, directory: bytes) -> Iterator[int]:
        """The entries whose path is ``directory`` and a name, whether itself is among the entries or not."""
        prefix = key_of(directory) + b"\0" if directory else b""
        at = self.first_from(prefix)
        while at < len(self):
            key = self.key(at)
            if not key.startswith(prefix):
                return
            name, _, below = key[len(prefix) :].partition(b"\0")
            if name and not below:
                yield at
            at += 1
            if below or (at < len(self) and self.key(at).startswith(prefix + name + b"\0")):
                at = self.first_from(prefix + name + b"\1", at)

    def node(self, at: int, path: bytes, change: Change, what: tuple[Difference, ...] = ()) -> Node:
        table, row = self.place(at)
        return node_of(table, row, path, self.rows.layers[at], change, what)


def node_of(
    table: LayerTable,
    row: int,
    path: bytes,
    layer: int,
    change: Change,
    what: tuple[Difference, ...] = (),
) -> Node:
    """Make a row a value."""
    kind = table.kinds[row]
    other = table.inodes.get(row)
    return Node(
        path,
        EntryType.DIRECTORY if kind == IMPLIED else TYPES[kind],
        table.sizes[row],
        table.modes[row],
        table.uids[row],
        table.gids[row],
        table.times[row],
        layer,
        table.links.get(row, b""),
        None if other is None else table.path(other),
        table.xattrs.get(row, {}),
        table.sha256(row),
        table.devices.get(row),
        change,
        what,
    )


def differences(table: LayerTable, row: int, other: LayerTable, other_row: int) -> tuple[Difference, ...]:
    """In what two rows of the same path differ."""
    if table is other and row == other_row:
        return ()
    found = []
    if TYPES[table.kinds[row]] is not TYPES[other.kinds[other_row]] and not (
        table.kinds[row] in DIRECTORIES and other.kinds[other_row] in DIRECTORIES
    ):
        found.append(Difference.TYPE)
    elif (
        table.sha256(row) != other.sha256(other_row)
        or table.sizes[row] != other.sizes[other_row]
        or table.links.get(row) != other.links.get(other_row)
        or table.devices.get(row) != other.devices.get(other_row)
    ):
        found.append(Difference.CONTENT)
    if table.modes[row] != other.modes[other_row]:
        found.append(Difference.MODE)
    if table.uids[row] != other.uids[other_row] or table.gids[row] != other.gids[other_row]:
        found.append(Difference.OWNER)
    if table.times[row] != other.times[other_row]:
        found.append(Difference.TIME)
    if table.xattrs.get(row) != other.xattrs.get(other_row):
        found.append(Difference.XATTRS)
    return tuple(found)

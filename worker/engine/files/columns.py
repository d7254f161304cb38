"""All entries of a merged tree, column by column: for whoever needs every one, as compare and weight do."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import TypeVar

from worker.engine.files.merge import Rows
from worker.engine.files.table import HASH_BYTES, IMPLIED, NO_HASH, TYPES, LayerTable
from worker.engine.layers import EntryType

T = TypeVar("T")

#: One entry: path, type, size, mode, uid, gid, mtime_ns, sha256, layer; as in ``Node``.
Entry = tuple[bytes, EntryType, int, int, int, int, int, bytes | None, int]

_TYPES = tuple(EntryType.DIRECTORY if number == IMPLIED else kind for number, kind in enumerate(TYPES))


class Columns:
    """Fields of all entries, the root first, each directory followed by what is in it, names in order.

    Each column is made when it is first asked for, and takes as much memory as its objects. All are as long
    as this, and none may be written to. What they mean stands at ``Node``.
    """

    def __init__(self, rows: Rows, tables: Sequence[LayerTable]) -> None:
        self._rows = rows
        self._tables = tables

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Entry]:
        """Yield the entries as plain tuples."""
        return zip(
            self.paths,
            self.types,
            self.sizes,
            self.modes,
            self.uids,
            self.gids,
            self.times,
            self.hashes,
            self.layers,
            strict=True,
        )

    @property
    def layers(self) -> array[int]:
        """Positions of the layers that the entries come from."""
        return self._rows.layers

    @property
    def rows(self) -> array[int]:
        """Their rows in the tables of these."""
        return self._rows.rows

    @cached_property
    def paths(self) -> list[bytes]:
        return self._gather(LayerTable.all_paths)

    @cached_property
    def names(self) -> list[bytes]:
        """The last parts of the paths."""
        return self._gather(LayerTable.all_names)

    @cached_property
    def types(self) -> list[EntryType]:
        return [_TYPES[kind] for kind in self._gather(lambda table: table.kinds)]

    @cached_property
    def sizes(self) -> list[int]:
        return self._gather(lambda table: table.sizes)

    @cached_property
    def modes(self) -> list[int]:
        return self._gather(lambda table: table.modes)

    @cached_property
    def uids(self) -> list[int]:
        return self._gather(lambda table: table.uids)

    @cached_property
    def gids(self) -> list[int]:
        return self._gather(lambda table: table.gids)

    @cached_property
    def times(self) -> list[int]:
        """Nanoseconds since the epoch."""
        return self._gather(lambda table: table.times)

    @cached_property
    def hashes(self) -> list[bytes | None]:
        """SHA-256 of the files' content; None for what is none."""
        return self._gather(_hashes)

    @cached_property
    def links(self) -> list[bytes]:
        """Targets of symlinks; empty for what is none."""
        return self._sparse(lambda table, row: table.links.get(row, b""))

    @cached_property
    def devices(self) -> list[tuple[int, int] | None]:
        return self._sparse(lambda table, row: table.devices.get(row))

    @cached_property
    def inodes(self) -> list[tuple[int, int] | None]:
        """What the names of one file have in common; None for a file that has one name, and for no file."""
        known = [{**table.inodes, **{row: row for row in table.linked}} for table in self._tables]
        if not any(known):
            return [None] * len(self)
        found = [known[layer].get(row) for layer, row in zip(self.layers, self.rows, strict=True)]
        return [
            None if inode is None else (layer, inode) for layer, inode in zip(self.layers, found, strict=True)
        ]

    def _sparse(self, value: Callable[[LayerTable, int], T]) -> list[T]:
        tables = self._tables
        return [
            value(tables[layer], row) for layer, row in zip(self._rows.layers, self._rows.rows, strict=True)
        ]

    def _gather(self, column: Callable[[LayerTable], Sequence[T]]) -> list[T]:
        used = set(self._rows.layers)
        columns: list[Sequence[T]] = [
            column(table) if at in used else () for at, table in enumerate(self._tables)
        ]
        if len(used) == 1:
            only = columns[used.pop()]
            return [only[row] for row in self._rows.rows]
        return [columns[layer][row] for layer, row in zip(self._rows.layers, self._rows.rows, strict=True)]


def _hashes(table: LayerTable) -> list[bytes | None]:
    content = table.hashes
    pieces = [content[start : start + HASH_BYTES] for start in range(0, len(content), HASH_BYTES)]
    return [piece if piece != NO_HASH else None for piece in pieces]

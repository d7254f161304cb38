"""From a layer's file index to its table: checked, ordered as the tree, and laid out in columns."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from worker.engine.errors import LayerMissing, StoreDamaged, TooManyFiles
from worker.engine.files.shape import Orphans, Shape
from worker.engine.files.table import (
    HASH_BYTES,
    IMPLIED,
    NO_HASH,
    OPAQUE,
    ROW_BYTES,
    SYMLINK,
    TYPES,
    Key,
    LayerTable,
    key_of,
    name_starts,
    path_of,
)
from worker.engine.layers import FileIndex
from worker.engine.oci import Digest
from worker.engine.store import LayerStore

Record = tuple[Any, ...]
"""A record as it stands in the file (``FileEntry.pack``)."""

_AT_ONCE = 512  # records held as objects
_EMPTY = (b"", 0, 0, 0, 0, 0, 0, b"", None, None, None)
_MAX_BYTES = 1 << 30  # of a table, about; deep paths can be much in a small file
_PAIR_BYTES = 400  # what extended attributes take beside themselves
_ENDS = tuple(_EMPTY[length:] for length in range(len(_EMPTY) + 1))  # what completes a record of some length


def load_table(layers: LayerStore, diff_id: Digest, max_bytes: int = _MAX_BYTES) -> LayerTable:
    """Read a layer's file index.

    Args:
        max_bytes: What the table may take, about; while it is made it takes some five times as much.

    Raises:
        TooManyFiles: it would take more.
        LayerMissing: the layer is not extracted. The error's ``diff_id`` names it.
        StoreDamaged: its index is missing or cannot be read, or what it says cannot be. Likewise.
    """
    try:
        if not layers.has(diff_id):
            raise LayerMissing(f"The layer {diff_id} is not extracted.")
        try:
            return make_table(FileIndex(layers.index_path(diff_id)).records(), max_bytes)
        except LayerMissing:
            raise StoreDamaged(f"The layer {diff_id} has lost its file index.") from None
    except (LayerMissing, StoreDamaged) as error:
        error.diff_id = str(diff_id)
        raise


def make_table(records: Iterable[Record], max_bytes: int = _MAX_BYTES) -> LayerTable:
    """Lay out records, in whatever order they come. Directories that entries are in but no record is of are
    implied.

    Raises:
        StoreDamaged: they contradict each other, or hold what no layer can.
        TooManyFiles: the table would take more than so many bytes.
    """
    try:
        columns = _Columns(records, max_bytes)
    except (TypeError, ValueError, OverflowError, AttributeError, KeyError, IndexError) as error:
        raise StoreDamaged(f"The layer's file index holds what cannot be ({error}).") from error
    return columns.table()


class _Columns:
    """The records' fields, each a column, in the order of the file."""

    def __init__(self, records: Iterable[Record], max_bytes: int) -> None:
        self.keys: list[Key] = []
        self.kinds = bytearray()
        self.sizes, self.times = array("q"), array("q")
        self.modes, self.uids, self.gids = array("H"), array("I"), array("I")
        self.hashes: list[bytes] = []
        self.links: dict[int, bytes] = {}
        self.xattrs: dict[int, dict[bytes, bytes]] = {}
        self.devices: dict[int, tuple[int, int]] = {}
        self.opaque: set[Key] = set()
        self._room = max_bytes
        source = iter(records)
        while chunk := list(islice(source, _AT_ONCE)):
            self._take(chunk)
        if not self.keys:
            self._imply([b""])
        if max(self.kinds) >= len(TYPES):
            raise ValueError("a type that is unknown")
        if min(self.sizes) < 0:
            raise ValueError("a size below zero")

    def _take(self, chunk: list[Record]) -> None:
        self.opaque.update(key_of(record[0]) for record in chunk if record[1] == OPAQUE)
        padded = [record + _ENDS[len(record)] for record in chunk if record[1] != OPAQUE]
        if not padded:
            return
        first = len(self.keys)
        paths, kinds, sizes, modes, uids, gids, times, links, xattrs, hashes, devices = zip(
            *padded, strict=True
        )
        joined = b"".join(paths)
        self._take_room(len(joined) + ROW_BYTES * len(padded))
        if b"\0" in joined:
            raise ValueError("a name with a zero byte")
        self.keys += map(key_of, paths)
        self.kinds.extend(kinds)
        self.sizes.extend(sizes)
        self.modes.extend(modes)
        self.uids.extend(uids)
        self.gids.extend(gids)
        self.times.extend(times)
        known = [content or NO_HASH for content in hashes]
        b"".join(known)  # they are bytes
        if set(map(len, known)) != {HASH_BYTES}:
            raise ValueError("a hash of another length")
        self.hashes += known
        self._take_room(len(b"".join(links)))  # they are bytes
        self.links.update((row, link) for row, link in enumerate(links, first) if link)
        self.xattrs.update((row, self._pairs(pairs)) for row, pairs in enumerate(xattrs, first) if pairs)
        self.devices.update((row, _device(pair)) for row, pair in enumerate(devices, first) if pair)

    def _pairs(self, pairs: dict[bytes, bytes]) -> dict[bytes, bytes]:
        joined = b"".join([*pairs.keys(), *pairs.values()])  # they are bytes
        self._take_room(_PAIR_BYTES + len(joined))
        return pairs

    def _take_room(self, size: int) -> None:
        self._room -= size
        if self._room < 0:
            raise TooManyFiles("The list of a layer's files takes more memory than can be used for it.")

    def _imply(self, keys: Iterable[Key]) -> None:
        self._take([(path_of(key), IMPLIED, 0, 0o755) for key in keys])

    def table(self) -> LayerTable:
        """Order the rows as the tree.

        Raises:
            StoreDamaged: the records contradict each other.
        """
        order = sorted(range(len(self.keys)), key=self.keys.__getitem__)
        try:
            shape = Shape(
                [self.keys[at] for at in order], bytes([self.kinds[at] for at in order]), self._room
            )
        except Orphans as error:
            self._imply(error.directories)
            return self.table()
        rows = {at: row for row, at in enumerate(order)} if self.links or self.xattrs or self.devices else {}
        inodes = shape.inodes({rows[at]: link for at, link in self.links.items()})
        # A hard link is what it links to.
        source = order if not inodes else [order[inodes.get(row, row)] for row in range(len(order))]
        return LayerTable(
            kinds=bytes([self.kinds[at] for at in source]),
            names=b"".join([name + b"/" for name in shape.names]),
            starts=name_starts(shape.names),
            parents=shape.parents,
            spans=shape.spans,
            sizes=_picked(self.sizes, source),
            modes=_picked(self.modes, source),
            uids=_picked(self.uids, source),
            gids=_picked(self.gids, source),
            times=_picked(self.times, source),
            hashes=b"".join([self.hashes[at] for at in source]),
            links=self._by_row(self.links, source, SYMLINK),
            inodes=inodes,
            linked=frozenset(inodes.values()),
            xattrs=self._by_row(self.xattrs, source),
            devices=self._by_row(self.devices, source),
            opaque=shape.directories(self.opaque),
        )

    def _by_row(self, values: dict[int, Any], source: list[int], kind: int | None = None) -> dict[int, Any]:
        if not values:
            return {}
        found = ((row, at) for row, at in enumerate(source) if at in values)
        return {row: values[at] for row, at in found if kind is None or self.kinds[at] == kind}


def _picked(column: array[int], source: list[int]) -> array[int]:
    return array(column.typecode, map(column.__getitem__, source))


def _device(pair: Sequence[int]) -> tuple[int, int]:
    major, minor = pair
    return int(major), int(minor)

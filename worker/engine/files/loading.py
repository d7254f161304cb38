"""From a layer's file index to its table: checked, ordered as the tree, and laid out in columns."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from worker.engine.errors import LayerMissing, StoreDamaged
from worker.engine.files.table import (
    DIRECTORIES,
    HARDLINK,
    HASH_BYTES,
    IMPLIED,
    NO_HASH,
    OPAQUE,
    SYMLINK,
    TYPES,
    WHITEOUT,
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
_PATHS_MAX = 1 << 30  # bytes of all paths of a layer together; deep ones can be much in a small file
_ENDS = tuple(_EMPTY[length:] for length in range(len(_EMPTY) + 1))  # what completes a record of some length


def load_table(layers: LayerStore, diff_id: Digest) -> LayerTable:
    """Read a layer's file index.

    Raises:
        LayerMissing: the layer is not extracted. The error's ``diff_id`` names it.
        StoreDamaged: its index is missing or cannot be read, or what it says cannot be. Likewise.
    """
    try:
        if not layers.has(diff_id):
            raise LayerMissing(f"The layer {diff_id} is not extracted.")
        try:
            return make_table(FileIndex(layers.index_path(diff_id)).records())
        except LayerMissing:
            raise StoreDamaged(f"The layer {diff_id} has lost its file index.") from None
    except (LayerMissing, StoreDamaged) as error:
        error.diff_id = str(diff_id)
        raise


def make_table(records: Iterable[Record]) -> LayerTable:
    """Lay out records, in whatever order they come. Directories that entries are in but no record is of are
    implied.

    Raises:
        StoreDamaged: they contradict each other, or hold what no layer can.
    """
    try:
        columns = _Columns(records)
    except (TypeError, ValueError, OverflowError, AttributeError, KeyError, IndexError) as error:
        raise StoreDamaged(f"The layer's file index holds what cannot be ({error}).") from error
    return columns.table()


class _Columns:
    """The records' fields, each a column, in the order of the file."""

    def __init__(self, records: Iterable[Record]) -> None:
        self.keys: list[Key] = []
        self.kinds = bytearray()
        self.sizes, self.times = array("q"), array("q")
        self.modes, self.uids, self.gids = array("H"), array("I"), array("I")
        self.hashes: list[bytes] = []
        self.links: dict[int, bytes] = {}
        self.xattrs: dict[int, dict[bytes, bytes]] = {}
        self.devices: dict[int, tuple[int, int]] = {}
        self.opaque: set[Key] = set()
        self._paths_size = 0
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
        self._paths_size += len(joined)
        if self._paths_size > _PATHS_MAX:
            raise ValueError(f"paths of more than {_PATHS_MAX} bytes together")
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
        b"".join(links)  # they are bytes
        self.links.update((row, link) for row, link in enumerate(links, first) if link)
        self.xattrs.update((row, _xattrs(pairs)) for row, pairs in enumerate(xattrs, first) if pairs)
        self.devices.update((row, _device(pair)) for row, pair in enumerate(devices, first) if pair)

    def _imply(self, keys: Iterable[Key]) -> None:
        self._take([(path_of(key), IMPLIED, 0, 0o755) for key in keys])

    def table(self) -> LayerTable:
        """Order the rows as the tree.

        Raises:
            StoreDamaged: the records contradict each other.
        """
        order = sorted(range(len(self.keys)), key=self.keys.__getitem__)
        try:
            shape = _Shape([self.keys[at] for at in order], bytes([self.kinds[at] for at in order]))
        except _Orphans as error:
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


class _Orphans(Exception):
    """There are entries in directories that nothing is known of.

    Attributes:
        directories: Some of these, and what leads to them.
    """

    def __init__(self, directories: set[Key]) -> None:
        super().__init__()
        self.directories = directories


class _Shape:
    """Which row is in which, from keys in their order."""

    def __init__(self, keys: list[Key], kinds: bytes) -> None:
        self._keys = keys
        self._kinds = kinds
        if keys[0] != b"":
            raise _Orphans({b""})
        if keys[1:2] and keys[1].startswith(b"\0"):
            raise StoreDamaged("The layer's file index has a path that begins with a slash.")
        if kinds[0] not in DIRECTORIES:
            raise StoreDamaged("The layer's file index says that the root is no directory.")
        self.names = [b""]
        self.parents = array("I", [0])
        self.spans = array("I", [1]) * len(keys)
        self._walk()
        joined = b"".join([b"/", *[name + b"/" for name in self.names[1:]]])
        if b"//" in joined or b"/./" in joined or b"/../" in joined:
            raise StoreDamaged("The layer's file index has a path that cannot be.")

    def _walk(self) -> None:
        keys, kinds = self._keys, self._kinds
        names, parents, spans = self.names, self.parents, self.spans
        above: list[tuple[Key, int]] = []
        top, at = b"", 0  # the directory that is open, and its row
        for row in range(1, len(keys)):
            key = keys[row]
            directory, _, name = key.rpartition(b"\0")
            while directory != top:
                spans[at] = row - at
                if not above:
                    raise self._orphans()
                top, at = above.pop()
            if key == keys[row - 1]:
                raise StoreDamaged(f"The layer's file index has {path_of(key)!r} twice.")
            names.append(name)
            parents.append(at)
            if kinds[row] in DIRECTORIES:
                above.append((top, at))
                top, at = key, row
        for _, row in (*above, (top, at)):
            spans[row] = len(keys) - row

    def _orphans(self) -> _Orphans:
        known = dict(zip(self._keys, self._kinds, strict=True))
        missing: set[Key] = set()
        for directory in {key.rpartition(b"\0")[0] for key in self._keys}:
            while directory not in missing and known.get(directory) not in DIRECTORIES:
                if directory in known:
                    raise StoreDamaged(
                        f"The layer's file index has entries in {path_of(directory)!r}, no directory."
                    )
                missing.add(directory)
                directory = directory.rpartition(b"\0")[0]
        if not missing:
            raise StoreDamaged("The layer's file index has a path that cannot be.")
        return _Orphans(missing)

    def row(self, key: Key) -> int | None:
        at = bisect_left(self._keys, key)
        return at if at < len(self._keys) and self._keys[at] == key else None

    def directories(self, keys: set[Key]) -> frozenset[int]:
        """The rows of directories.

        Raises:
            StoreDamaged: some are none.
        """
        rows = set()
        for key in keys:
            row = self.row(key)
            if row is None or self._kinds[row] not in DIRECTORIES:
                raise StoreDamaged(
                    f"The layer's file index calls {path_of(key)!r} opaque, which is no directory."
                )
            rows.add(row)
        return frozenset(rows)

    def inodes(self, links: dict[int, bytes]) -> dict[int, int]:
        """Of each hard link the row that it means in the end.

        Raises:
            StoreDamaged: it means nothing that can be linked.
        """
        kinds = self._kinds
        found: dict[int, int] = {}
        for row in self._hardlinks():
            trail = []
            target: int | None = row
            while target is not None and kinds[target] == HARDLINK and target not in found:
                trail.append(target)
                target = self.row(key_of(links.get(target, b"")))
                if target in trail:
                    target = None
            target = found.get(target, target) if target is not None else None
            if target is None or kinds[target] in DIRECTORIES or kinds[target] == WHITEOUT:
                raise StoreDamaged(
                    f"The layer's file index has a hard link to nothing: {path_of(self._keys[row])!r}."
                )
            found.update(dict.fromkeys(trail, target))
        return found

    def _hardlinks(self) -> Iterator[int]:
        at = self._kinds.find(HARDLINK)
        while at >= 0:
            yield at
            at = self._kinds.find(HARDLINK, at + 1)


def _picked(column: array[int], source: list[int]) -> array[int]:
    return array(column.typecode, map(column.__getitem__, source))


def _xattrs(pairs: dict[bytes, bytes]) -> dict[bytes, bytes]:
    b"".join([*pairs.keys(), *pairs.values()])  # they are bytes
    return pairs


def _device(pair: Sequence[int]) -> tuple[int, int]:
    major, minor = pair
    return int(major), int(minor)

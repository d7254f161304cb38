"""One layer's entries as columns: all that its file index says, in a tenth of the memory of objects.

The rows are in the order of the tree: each directory, then everything in it, names in order. So a directory
and what is in it are one range of rows, and two layers are merged in one pass.

A hard link has the attributes of what it links to. Marks of opaque directories are no rows of their own.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate

from worker.engine.layers import EntryType

TYPES = tuple(EntryType)
"""By the numbers that the file has for them."""
NUMBERS = {kind: number for number, kind in enumerate(TYPES)}
DIRECTORY, IMPLIED = NUMBERS[EntryType.DIRECTORY], NUMBERS[EntryType.IMPLIED]
WHITEOUT, OPAQUE = NUMBERS[EntryType.WHITEOUT], NUMBERS[EntryType.OPAQUE]
FILE, SYMLINK, HARDLINK = NUMBERS[EntryType.FILE], NUMBERS[EntryType.SYMLINK], NUMBERS[EntryType.HARDLINK]
DIRECTORIES = frozenset({DIRECTORY, IMPLIED})

HASH_BYTES = 32
ROW_BYTES = 80
"""What a row takes at least, without its name."""
NO_HASH = bytes(HASH_BYTES)
Key = bytes
"""A path with zero bytes for its slashes: in the order of keys a directory is followed by what is in it."""


def key_of(path: bytes) -> Key:
    return path.replace(b"/", b"\0")


def path_of(key: Key) -> bytes:
    return key.replace(b"\0", b"/")


@dataclass(frozen=True, eq=False)
class LayerTable:
    """All rows of a layer; row 0 is the root.

    Attributes:
        kinds: Numbers of types, of each row; never that of a hard link.
        names: All last parts of paths, each followed by a slash.
        starts: Where each row's name begins in ``names``; one more at the end.
        parents: The row of the directory that each row is in; the root's is itself.
        spans: How many rows each is with everything in it.
        sizes, modes, uids, gids, times: As in ``FileEntry``.
        hashes: SHA-256 of each row's content, one after the other; zeros for what is no file.
        links: Targets of symlinks, by row.
        inodes: Of a hard link, by row, the row of the name that the tar has it first by.
        linked: The rows that other names link to.
        xattrs, devices: By row, of those that have any.
        opaque: Rows of directories that hide what the layers below have in them.
    """

    kinds: bytes
    names: bytes
    starts: array[int]
    parents: array[int]
    spans: array[int]
    sizes: array[int]
    modes: array[int]
    uids: array[int]
    gids: array[int]
    times: array[int]
    hashes: bytes
    links: Mapping[int, bytes] = field(default_factory=dict)
    inodes: Mapping[int, int] = field(default_factory=dict)
    linked: frozenset[int] = frozenset()
    xattrs: Mapping[int, Mapping[bytes, bytes]] = field(default_factory=dict)
    devices: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    opaque: frozenset[int] = frozenset()

    @property
    def count(self) -> int:
        """Rows, the root included."""
        return len(self.kinds)

    @cached_property
    def nbytes(self) -> int:
        """Memory that it takes, in bytes: exact for columns, estimated for the rest."""
        columns = (self.starts, self.parents, self.spans, self.sizes, self.modes, self.uids, self.gids)
        exact = sum(column.itemsize * len(column) for column in (*columns, self.times))
        sparse = sum(160 + len(target) for target in self.links.values())
        sparse += 100 * (len(self.inodes) + len(self.linked) + len(self.opaque)) + 200 * len(self.devices)
        sparse += sum(400 + sum(map(len, pairs.values())) for pairs in self.xattrs.values())
        return exact + len(self.kinds) + len(self.names) + len(self.hashes) + sparse

    def name(self, row: int) -> bytes:
        return self.names[self.starts[row] : self.starts[row + 1] - 1]

    def key(self, row: int) -> Key:
        return b"\0".join(self._parts(row))

    def path(self, row: int) -> bytes:
        return b"/".join(self._parts(row))

    def find(self, path: bytes) -> int | None:
        """The row of a path; None if the layer does not have it."""
        key = key_of(path)
        low, high = 0, self.count
        while low < high:
            middle = (low + high) // 2
            if self.key(middle) < key:
                low = middle + 1
            else:
                high = middle
        return low if low < self.count and self.key(low) == key else None

    def sha256(self, row: int) -> bytes | None:
        content = self.hashes[HASH_BYTES * row : HASH_BYTES * (row + 1)]
        return content if content != NO_HASH else None

    def inode(self, row: int) -> int | None:
        """What all names of one file have in common, if it has several in this layer."""
        found = self.inodes.get(row)
        return row if found is None and row in self.linked else found

    def all_names(self) -> list[bytes]:
        names = self.names.split(b"/")
        names.pop()
        return names

    def all_keys(self) -> list[Key]:
        """The keys of all rows, in their order."""
        return self._all_joined(b"\0")

    def all_paths(self) -> list[bytes]:
        """The paths of all rows, in their order."""
        return self._all_joined(b"/")

    def _all_joined(self, separator: bytes) -> list[bytes]:
        names = self.all_names()
        joined = names[:1]
        add = joined.append
        prefixes: dict[int, bytes] = {0: b""}
        for row, parent in enumerate(self.parents):
            if row:
                prefix = prefixes.get(parent)
                if prefix is None:
                    prefix = prefixes[parent] = joined[parent] + separator
                add(prefix + names[row])
        return joined

    def _parts(self, row: int) -> list[bytes]:
        parts = []
        while row:
            parts.append(self.name(row))
            row = self.parents[row]
        parts.reverse()
        return parts


def name_starts(names: list[bytes]) -> array[int]:
    """Where each of ``names`` begins when they stand one after the other, each followed by a slash."""
    return array("I", accumulate((len(name) + 1 for name in names), initial=0))

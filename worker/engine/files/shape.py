"""Which row of a layer is in which, from the paths of its records in the order of the tree; checked."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator

from worker.engine.errors import StoreDamaged, TooManyFiles
from worker.engine.files.table import DIRECTORIES, HARDLINK, WHITEOUT, Key, key_of, path_of


class Orphans(Exception):
    """There are entries in directories that nothing is known of.

    Attributes:
        directories: Some of these, and what leads to them.
    """

    def __init__(self, directories: set[Key]) -> None:
        super().__init__()
        self.directories = directories


class Shape:
    """Which row is in which, from keys in their order.

    Args:
        room: So many bytes the paths of directories may take that no record is of.
    """

    def __init__(self, keys: list[Key], kinds: bytes, room: int) -> None:
        self._room = room
        self._keys = keys
        self._kinds = kinds
        if keys[0] != b"":
            raise Orphans({b""})
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
                    raise self._missing()
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

    def _missing(self) -> Orphans:
        known = dict(zip(self._keys, self._kinds, strict=True))
        missing: set[Key] = set()
        for directory in {key.rpartition(b"\0")[0] for key in self._keys}:
            while directory not in missing and known.get(directory) not in DIRECTORIES:
                if directory in known:
                    raise StoreDamaged(
                        f"The layer's file index has entries in {path_of(directory)!r}, no directory."
                    )
                missing.add(directory)
                self._room -= len(directory)
                if self._room < 0:
                    raise TooManyFiles("The paths of a layer's files take more memory than can be used.")
                directory = directory.rpartition(b"\0")[0]
        if not missing:
            raise StoreDamaged("The layer's file index has a path that cannot be.")
        return Orphans(missing)

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
            trail: dict[int, None] = {}
            target: int | None = row
            while target is not None and kinds[target] == HARDLINK and target not in found:
                trail[target] = None
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

"""A look into the search database: one snapshot, for one question."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from worker.engine.layers import EntryType
from worker.engine.oci import Digest
from worker.engine.search.blocks import Paths
from worker.engine.search.types import NUMBERS, TYPES

_FEW = 5_000


@dataclass(frozen=True, slots=True)
class Content:
    """What stands in a file, or where a symbolic link leads.

    Attributes:
        target: Of a symbolic link; None for a file's content.
    """

    id: int
    sha256: bytes
    size: int
    target: bytes | None


@dataclass(frozen=True, slots=True)
class Entry:
    """What one layer has at one path, by numbers."""

    path: int
    layer: int
    type: EntryType
    content: int | None


class Layers:
    """Which layers can be searched: their numbers, digests, and the blocks that their paths are in."""

    def __init__(self, rows: list[tuple[int, bytes, bytes]]) -> None:
        self.digests = {number: Digest("sha256", sha256.hex()) for number, sha256, _ in rows}
        self.numbers = {digest: number for number, digest in self.digests.items()}
        self._blocks = {number: int.from_bytes(blocks, "little") for number, _, blocks in rows}

    def among(self, within: Collection[Digest]) -> frozenset[int]:
        """The numbers of those in ``within``."""
        if len(within) > len(self.numbers):
            return frozenset(number for digest, number in self.numbers.items() if digest in within)
        return frozenset(self.numbers[digest] for digest in within if digest in self.numbers)

    def blocks(self, layers: Collection[int]) -> list[int]:
        """The blocks that any of their paths is in, ascending."""
        union = 0
        for number in layers:
            union |= self._blocks[number]
        return [place for place, bit in enumerate(reversed(bin(union)[2:])) if bit == "1"]


class Look:
    """One question's view.

    Attributes:
        db: In a transaction that only reads.
        within: The numbers of the layers that may be seen.
        deadline: When the time is over (``time.monotonic``).
    """

    def __init__(
        self, db: sqlite3.Connection, paths: Paths, layers: Layers, within: frozenset[int], deadline: float
    ) -> None:
        self.db = db
        self.paths = paths
        self.layers = layers
        self.within = within
        self.deadline = deadline

    @property
    def late(self) -> bool:
        return time.monotonic() > self.deadline

    def at(self, path: int) -> list[Entry]:
        """What may be seen at a path, by content, then by layer."""
        rows = self.db.execute("SELECT path, layer, type, content FROM entry WHERE path = ?", (path,))
        return self._seen(rows)

    def between(self, first: int, last: int) -> list[Entry]:
        """What may be seen at the paths with these numbers, both included."""
        rows = self.db.execute(
            "SELECT path, layer, type, content FROM entry WHERE path BETWEEN ? AND ?", (first, last)
        )
        return self._seen(rows)

    def holding(self, content: int, since: int = 0, before: int | None = None) -> Iterator[Entry]:
        """Where a content can be seen, by the numbers of paths in that range, then by layer."""
        rows = self.db.execute(
            "SELECT path, layer, type, content FROM entry WHERE content = ? AND path >= ? AND path < ?"
            " ORDER BY path, layer",
            (content, since, before if before is not None else 1 << 62),
        )
        return (entry for row in rows if (entry := self._entry(row)) is not None)

    def rare(self, kind: EntryType, since: int) -> Iterator[Entry]:
        """All visible entries of a rare type, by the numbers of paths from ``since`` on, then by layer."""
        rows = self.db.execute(
            "SELECT path, layer, type, content FROM entry INDEXED BY entry_rare"
            " WHERE type = ? AND type >= 4 AND path >= ? ORDER BY path, layer",
            (NUMBERS[kind], since),
        )
        return (entry for row in rows if (entry := self._entry(row)) is not None)

    def are_few(self, kinds: Collection[EntryType]) -> bool:
        """Whether all layers together have few entries of these rare types."""
        count = 0
        for kind in kinds:
            (some,) = self.db.execute(
                "SELECT count(*) FROM (SELECT 1 FROM entry INDEXED BY entry_rare"
                " WHERE type = ? AND type >= 4 LIMIT ?)",
                (NUMBERS[kind], _FEW + 1),
            ).fetchone()
            count += some
        return count <= _FEW

    def content(self, number: int) -> Content:
        """Raises KeyError if there is no such content."""
        row = self.db.execute(
            "SELECT id, key, rest, size, target FROM content WHERE id = ?", (number,)
        ).fetchone()
        if row is None:
            raise KeyError(number)
        return content_of(row)

    def _seen(self, rows: sqlite3.Cursor) -> list[Entry]:
        found = [entry for row in rows if (entry := self._entry(row)) is not None]
        found.sort(key=lambda entry: (entry.path, entry.content or 0, entry.layer))
        return found

    def _entry(self, row: tuple[int, int, int, int | None]) -> Entry | None:
        path, layer, kind, content = row
        return Entry(path, layer, TYPES[kind], content) if layer in self.within else None


def content_of(row: tuple[int, int, bytes, int, bytes | None]) -> Content:
    """Read a row of the table ``content``."""
    number, key, rest, size, target = row
    return Content(number, sha256_of(key, rest), size, target)


def sha256_of(key: int, rest: bytes) -> bytes:
    """The digest that stands in two columns."""
    return key.to_bytes(8, "big", signed=True) + rest

"""Putting layers into the search database, and taking them out. One process at a time does that.

A layer goes in by batches, each a transaction of its own, and counts once the last one is in: readers never
wait, and never see a part. What a killed writer left half-way is taken out before anything else.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
from array import array
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import accumulate, islice, pairwise
from pathlib import Path
from types import TracebackType
from typing import Self

import zstandard

from worker.engine.cancel import CancelToken
from worker.engine.layers import EntryType, FileEntry
from worker.engine.oci import Digest
from worker.engine.search import database
from worker.engine.search.blocks import PATHS_IN_BLOCK, Paths, append, hash_of, to_line
from worker.engine.search.reading import sha256_of
from worker.engine.search.types import NUMBERS

_BATCH = 40_000  # entries: about a second, and what a writer holds in memory

_Row = tuple[int, int, int, int | None]


class SearchWriter:
    """A search database, open for writing. Use it as a context manager, and hold a lock meanwhile.

    Raises:
        StoreError: the database cannot be used.
        SearchDamaged: it is no database (any more).
    """

    def __init__(self, path: Path) -> None:
        with database.explained():
            self._db = database.connect_to_write(path)
        self._paths = Paths()

    def __enter__(self) -> Self:
        with database.explained():
            unfinished = self._db.execute("SELECT id FROM layer WHERE NOT complete").fetchall()
        for (layer,) in unfinished:
            self._take_out(layer)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()

    def layers(self) -> set[Digest]:
        """Return which layers can be searched."""
        with database.explained():
            rows = self._db.execute("SELECT sha256 FROM layer WHERE complete").fetchall()
        return {Digest("sha256", sha256.hex()) for (sha256,) in rows}

    def add(self, diff_id: Digest, entries: Iterable[FileEntry], cancel: CancelToken | None = None) -> None:
        """Make a layer searchable; that it is so already is no error.

        Raises:
            Cancelled: nothing of the layer stays.
            StoreError: the disk refuses, or ``entries`` raised it: likewise.
        """
        sha256 = bytes.fromhex(diff_id.hex)
        with database.explained():
            if self._db.execute("SELECT 1 FROM layer WHERE sha256 = ?", (sha256,)).fetchone():
                return
            layer = self._db.execute("INSERT INTO layer (sha256) VALUES (?)", (sha256,)).lastrowid or 0
        blocks = 0
        try:
            remaining = iter(entries)
            for number, batch in enumerate(iter(lambda: list(islice(remaining, _BATCH)), [])):
                if cancel is not None:
                    cancel.check()
                with database.explained(), self._transaction():
                    blocks |= self._put_in(layer, number, batch)
            with database.explained(), self._transaction():
                packed = blocks.to_bytes((blocks.bit_length() + 7) // 8, "little")
                self._db.execute("UPDATE layer SET complete = 1, blocks = ? WHERE id = ?", (packed, layer))
        except BaseException:
            self._take_out(layer)
            raise

    def forget(self, diff_ids: Collection[Digest]) -> None:
        """Take layers out; one that is not in is no error. Raises StoreError."""
        for diff_id in diff_ids:
            with database.explained():
                row = self._db.execute(
                    "SELECT id FROM layer WHERE sha256 = ?", (bytes.fromhex(diff_id.hex),)
                ).fetchone()
            if row:
                self._take_out(row[0])

    def write_back(self) -> None:
        """Bring into the file what stands in its log, as far as no reader stands in the way.

        It is for after a layer is in: then nobody waits for the disk. Raises StoreError.
        """
        with database.explained():
            self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def is_sound(self) -> bool:
        """Whether the file holds what SQLite wrote; reads all of it."""
        try:
            return bool(self._db.execute("PRAGMA quick_check(1)").fetchone() == ("ok",))
        except sqlite3.DatabaseError:
            return False

    def _put_in(self, layer: int, number: int, batch: Sequence[FileEntry]) -> int:
        """Put in one batch; return which blocks it touches, as a set of bits."""
        numbers = self._numbers({entry.path for entry in batch})
        contents = self._contents(layer, batch, numbers)
        rows: list[_Row] = [
            (numbers[entry.path], layer, NUMBERS[entry.type], contents.get(entry.path)) for entry in batch
        ]
        rows.sort(key=lambda row: row[0])  # in the order of the table: neighbours are written together
        self._db.executemany("INSERT OR REPLACE INTO entry VALUES (?, ?, ?, ?)", rows)
        mine = sorted(set(numbers.values()))
        self._db.execute("INSERT INTO part VALUES (?, ?, ?)", (layer, number, _pack(mine)))
        blocks = 0
        for block in {path // PATHS_IN_BLOCK for path in mine}:
            blocks |= 1 << block
        return blocks

    def _numbers(self, wanted: set[bytes]) -> dict[bytes, int]:
        """The numbers of paths; those that no layer had get new ones."""
        hashes = sorted((hash_of(path), path) for path in wanted)
        numbers: dict[int, list[int]] = defaultdict(list)
        for hash_, number in self._db.execute(
            "SELECT known.hash, known.path FROM json_each(?) AS asked CROSS JOIN path_hash AS known"
            " ON known.hash = asked.value",
            (json.dumps([hash_ for hash_, _ in hashes]),),
        ):
            numbers[hash_].append(number)
        # Block by block. Paths of one hash are asked for twice, and so is each of their numbers: no harm.
        candidates = sorted((number, path) for hash_, path in hashes for number in numbers.get(hash_, ()))
        known = {
            path: number for number, path in candidates if self._paths.line(self._db, number) == to_line(path)
        }
        new = append(self._db, self._paths, sorted(wanted - known.keys()))
        added = [(hash_, new[path]) for hash_, path in hashes if path in new]
        self._db.executemany("INSERT INTO path_hash VALUES (?, ?)", added)
        return known | new

    def _contents(
        self, layer: int, batch: Sequence[FileEntry], numbers: dict[bytes, int]
    ) -> dict[bytes, int | None]:
        """The numbers of the contents that stand at paths."""
        wanted: dict[bytes, tuple[int, bytes | None]] = {}
        of_path: dict[bytes, bytes] = {}
        for entry in batch:
            if entry.type is EntryType.FILE and entry.sha256 is not None:
                of_path[entry.path] = entry.sha256
                wanted[entry.sha256] = entry.size, None
            elif entry.type is EntryType.SYMLINK:
                sha256 = hashlib.sha256(b"symlink:" + entry.link).digest()
                of_path[entry.path] = sha256
                wanted[sha256] = 0, entry.link
        ids = self._known_contents(wanted)
        # In the order of the index, whose neighbours are written together.
        new = sorted((sha256 for sha256 in wanted if sha256 not in ids), key=_key)
        (first,) = self._db.execute("SELECT coalesce(max(id), 0) + 1 FROM content").fetchone()
        ids |= {sha256: first + place for place, sha256 in enumerate(new)}
        self._db.executemany(
            "INSERT INTO content VALUES (?, ?, ?, ?, ?)",
            ((ids[sha256], _key(sha256), sha256[8:], *wanted[sha256]) for sha256 in new),
        )
        found: dict[bytes, int | None] = {path: ids[sha256] for path, sha256 in of_path.items()}
        for entry in batch:
            # What it links to came before it in the tar: a moment ago, or in an earlier batch.
            if entry.type is EntryType.HARDLINK:
                found[entry.path] = found.get(entry.link) or self._content_at(layer, entry.link)
        return found

    def _known_contents(self, wanted: Collection[bytes]) -> dict[bytes, int]:
        keys = json.dumps(sorted(map(_key, wanted)))
        rows = self._db.execute(
            "SELECT known.id, known.key, known.rest FROM json_each(?) AS asked CROSS JOIN content AS known"
            " ON known.key = asked.value",
            (keys,),
        )
        return {sha256: id_ for id_, key, rest in rows if (sha256 := sha256_of(key, rest)) in wanted}

    def _content_at(self, layer: int, path: bytes) -> int | None:
        number = self._paths.number(self._db, path)
        row = self._db.execute(
            "SELECT content FROM entry WHERE path = ? AND layer = ? AND content IS NOT NULL", (number, layer)
        ).fetchone()
        return int(row[0]) if row else None

    def _take_out(self, layer: int) -> None:
        """Take a layer out, whole or half-way in. Its paths and contents stay: others may have them too."""
        with database.explained():
            with self._transaction():
                self._db.execute("UPDATE layer SET complete = 0 WHERE id = ?", (layer,))
            parts = self._db.execute("SELECT number FROM part WHERE layer = ?", (layer,)).fetchall()
            for (number,) in parts:
                with self._transaction():
                    (packed,) = self._db.execute(
                        "SELECT paths FROM part WHERE layer = ? AND number = ?", (layer, number)
                    ).fetchone()
                    self._db.executemany(
                        "DELETE FROM entry WHERE path = ? AND layer = ?",
                        ((path, layer) for path in _unpack(packed)),
                    )
                    self._db.execute("DELETE FROM part WHERE layer = ? AND number = ?", (layer, number))
            with self._transaction():
                self._db.execute("DELETE FROM layer WHERE id = ?", (layer,))

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")


def _key(sha256: bytes) -> int:
    return int.from_bytes(sha256[:8], "big", signed=True)


def _pack(numbers: Sequence[int]) -> bytes:
    differences = array("I", [following - one for one, following in pairwise([0, *numbers])])
    return zstandard.ZstdCompressor().compress(differences.tobytes())


def _unpack(packed: bytes) -> Iterator[int]:
    return accumulate(array("I", zstandard.ZstdDecompressor().decompress(packed)))

"""Blocks of paths: how they are packed, found by number, and numbered."""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence

import zstandard

PATHS_IN_BLOCK = 1024
_MOST_BYTES = 1 << 18  # of one block's text: paths may be 4 KiB long each
_KEPT = 64
_LEVEL = 6
# A path may hold a newline, but never a NUL. Bytes that are no UTF-8 become characters that nobody uses (the
# last of private use), so that in an expression they count as characters; those characters themselves, four.
_SURROGATES, _PRIVATE = range(0xDC80, 0xDD00), range(0x10FF80, 0x110000)
_ESCAPED: dict[int, int | str] = dict(zip(_SURROGATES, _PRIVATE, strict=True))
_ESCAPED |= {one: "".join(chr(0x10FF00 + byte) for byte in chr(one).encode()) for one in _PRIVATE}
_BYTES = dict(zip(_PRIVATE, _SURROGATES, strict=True))
_TO_LINE = bytes.maketrans(b"\n", b"\0")
_FROM_LINE = bytes.maketrans(b"\0", b"\n")


def as_text(path: bytes) -> bytes:
    """Return a path, or a part of one, as it stands in a line: one line, in UTF-8."""
    if not path.isascii():
        path = path.decode("utf-8", "surrogateescape").translate(_ESCAPED).encode()
    return path.translate(_TO_LINE)


def to_line(path: bytes) -> bytes:
    """Return the line that stands for a path: a slash comes in front."""
    return b"/" + as_text(path)


def from_line(line: bytes) -> bytes:
    """The inverse of :func:`to_line`."""
    path = line[1:].translate(_FROM_LINE)
    if path.isascii():
        return path
    return path.decode().translate(_BYTES).encode("utf-8", "surrogateescape")


def pack(lines: Sequence[bytes]) -> bytes:
    """Return a block's content."""
    return zstandard.ZstdCompressor(level=_LEVEL).compress(b"\n".join([*lines, b""]))


def unpack(block: bytes) -> bytes:
    """Return a block's text: its lines, each with a newline at its end."""
    return zstandard.ZstdDecompressor().decompress(block)


def hash_of(path: bytes) -> int:
    """Return a number by which a path is found again: 63 bits. Those of one directory are neighbours."""
    directory, _, name = path.rpartition(b"/")
    high = hashlib.blake2b(directory, digest_size=5).digest()
    low = hashlib.blake2b(name, digest_size=3).digest()
    return int.from_bytes(high + low, "big") >> 1


class Paths:
    """The paths of a database that is open, by number and by name. What was read a moment ago is kept."""

    def __init__(self) -> None:
        self._lines: OrderedDict[int, list[bytes]] = OrderedDict()
        self._lock = threading.Lock()

    def line(self, db: sqlite3.Connection, number: int) -> bytes:
        """Return the line of a path. Raises KeyError if there is no such number."""
        block, place = divmod(number, PATHS_IN_BLOCK)
        lines = self._block(block)
        if lines is None or place >= len(lines):
            lines = self._load(db, block)
        try:
            return lines[place]
        except IndexError:
            raise KeyError(number) from None

    def path(self, db: sqlite3.Connection, number: int) -> bytes:
        """Return a path. Raises KeyError if there is no such number."""
        return from_line(self.line(db, number))

    def number(self, db: sqlite3.Connection, path: bytes) -> int | None:
        """Return the number of a path; None if no layer has it."""
        line = to_line(path)
        for (number,) in db.execute("SELECT path FROM path_hash WHERE hash = ?", (hash_of(path),)):
            if self.line(db, number) == line:
                return int(number)
        return None

    def forget(self, block: int) -> None:
        """The block was written: what was read of it before says too little."""
        with self._lock:
            self._lines.pop(block, None)

    def _block(self, block: int) -> list[bytes] | None:
        with self._lock:
            lines = self._lines.get(block)
            if lines is not None:
                self._lines.move_to_end(block)
            return lines

    def _load(self, db: sqlite3.Connection, block: int) -> list[bytes]:
        row = db.execute("SELECT lines FROM block WHERE id = ?", (block,)).fetchone()
        lines = unpack(row[0]).split(b"\n")[:-1] if row else []
        with self._lock:
            self._lines[block] = lines
            self._lines.move_to_end(block)
            while len(self._lines) > _KEPT:
                self._lines.popitem(last=False)
        return lines


def append(db: sqlite3.Connection, paths: Paths, new: Iterable[bytes]) -> dict[bytes, int]:
    """Put paths that are not there yet behind the last ones, and return their numbers."""
    row = db.execute("SELECT id, lines FROM block ORDER BY id DESC LIMIT 1").fetchone()
    block, lines = (row[0], unpack(row[1]).split(b"\n")[:-1]) if row else (0, [])
    size = sum(map(len, lines))
    numbers: dict[bytes, int] = {}
    changed = False

    def write() -> None:
        db.execute("INSERT OR REPLACE INTO block (id, lines) VALUES (?, ?)", (block, pack(lines)))
        paths.forget(block)

    for path in new:
        if len(lines) == PATHS_IN_BLOCK or size > _MOST_BYTES:
            if changed:
                write()
            block, lines, size, changed = block + 1, [], 0, False
        line = to_line(path)
        numbers[path] = block * PATHS_IN_BLOCK + len(lines)
        lines.append(line)
        size += len(line)
        changed = True
    if changed:
        write()
    return numbers

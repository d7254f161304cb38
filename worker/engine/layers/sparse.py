"""Sparse files in a tar: only the stretches that hold data are stored, and a map says where they go.

GNU tar has written the map in four forms: in the header and blocks after it (the type ``S``), as pax records
(0.0 and 0.1), and in front of the data (1.0). See the GNU tar manual, "Storing Sparse Files"; as everywhere,
what Go's archive/tar refuses is refused here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from worker.engine.errors import CorruptLayer
from worker.engine.layers.header import BLOCK, SPARSE_PREFIX, Extent, TarEntry, parse_number

MAP_MAX_BYTES = 1 << 20
"""Longest map, in the form it is stored in; as Go's archive/tar has it."""

_MAP = SPARSE_PREFIX + b"map"
_MAJOR, _MINOR = SPARSE_PREFIX + b"major", SPARSE_PREFIX + b"minor"
_GNU_MAGIC = b"ustar  \0"
_MAGIC = slice(257, 265)
_PAIR = 24  # bytes of two numbers, in the header's form
_IN_HEADER, _IN_EXTENSION = 4, 21
_MAX_SIZE = (1 << 63) - 1
_DIGITS = 20
_ZEROS = memoryview(bytes(1 << 20))


class _Hash(Protocol):
    def update(self, data: memoryview, /) -> None: ...


def read_gnu_map(entry: TarEntry, block: bytes, next_block: Callable[[], bytes | None]) -> tuple[Extent, ...]:
    """Read the map of an entry of the type ``S``, and set the entry's size to the whole file's.

    Args:
        block: The entry's header.
        next_block: Reads the block that follows.

    Raises:
        CorruptLayer: it is not GNU's form (star has one of its own), or malformed.
    """
    if block[_MAGIC] != _GNU_MAGIC:
        raise _malformed(entry, "it is of an unknown form")
    entry.size = parse_number(block[483:495])
    pairs = _header_pairs(block[386:], _IN_HEADER)
    more, blocks = block[482], 0
    while more:
        following = next_block()
        if following is None:
            raise CorruptLayer("The layer is truncated: it ends inside of a sparse file's map.")
        blocks += 1
        if blocks * BLOCK > MAP_MAX_BYTES:
            raise _malformed(entry, "its map is too long")
        pairs += _header_pairs(following, _IN_EXTENSION)
        more = following[504]
    return _extents(entry, pairs)


def read_pax_map(
    entry: TarEntry, records: dict[bytes, bytes], content_blocks: Iterator[bytes]
) -> tuple[Extent, ...]:
    """Read the map of an entry with pax records of a sparse file, and set the entry's name and size.

    Args:
        content_blocks: The entry's content, by blocks; of the form 1.0 the map is taken from it.

    Raises:
        CorruptLayer: the form is not known, or malformed.
    """
    entry.name = records.get(SPARSE_PREFIX + b"name") or entry.name
    size = records.get(SPARSE_PREFIX + b"realsize") or records.get(SPARSE_PREFIX + b"size")
    if size:
        entry.size = _number(entry, size)
    form = records.get(_MAJOR, b""), records.get(_MINOR, b"")
    if form == (b"1", b"0"):
        return _extents(entry, _content_numbers(entry, content_blocks))
    if form not in ((b"0", b"0"), (b"0", b"1"), (b"", b"")) or _MAP not in records:
        raise _malformed(entry, "it is of an unknown form")
    text = records[_MAP]
    numbers = [_number(entry, digits) for digits in text.split(b",")] if text else []
    if len(numbers) != 2 * _number(entry, records.get(SPARSE_PREFIX + b"numblocks", b"")):
        raise _malformed(entry, "its map is not as long as it says")
    return _extents(entry, numbers)


def write_sparse(
    file: int, size: int, extents: Sequence[Extent], content: Iterator[memoryview], digest: _Hash
) -> None:
    """Fill a new file of ``size`` bytes: what is stored goes where it belongs, and the holes stay holes.

    Args:
        content: What is stored, exactly as much as the extents are long.
        digest: Is given the file's whole content, zeros included.
    """
    at, piece = 0, _ZEROS[:0]
    for extent in extents:
        _hash_hole(digest, extent.offset - at)
        at, end = extent.offset, extent.offset + extent.length
        while at < end:
            piece = piece or next(content)
            written = os.pwrite(file, piece[: end - at], at)
            digest.update(piece[:written])
            piece = piece[written:]
            at += written
    _hash_hole(digest, size - at)
    os.ftruncate(file, size)


def _hash_hole(digest: _Hash, length: int) -> None:
    while length > 0:
        digest.update(_ZEROS[:length])
        length -= len(_ZEROS)


def _header_pairs(field: bytes, count: int) -> list[int]:
    """The numbers of up to ``count`` pairs; an empty one is the end."""
    numbers: list[int] = []
    for at in range(0, count * _PAIR, _PAIR):
        if not field[at]:
            break
        numbers += parse_number(field[at : at + 12]), parse_number(field[at + 12 : at + 24])
    return numbers


def _content_numbers(entry: TarEntry, blocks: Iterator[bytes]) -> list[int]:
    """The map of the form 1.0: a number a line, the first of them how many pairs follow; whole blocks."""
    lines: list[bytes] = []
    wanted, read, rest = 1, 0, b""
    while len(lines) < wanted:
        block = next(blocks, None)
        if block is None:
            raise _malformed(entry, "its map is incomplete")
        read += len(block)
        if read > MAP_MAX_BYTES:
            raise _malformed(entry, "its map is too long")
        *more, rest = (rest + block).split(b"\n")
        lines += more
        if lines:
            wanted = 1 + 2 * _number(entry, lines[0])
        if len(lines) < wanted and len(rest) > _DIGITS:
            raise _malformed(entry, f"{rest[:40]!r} is not a number")
    return [_number(entry, line) for line in lines[1:wanted]]  # what fills up the last block says nothing


def _extents(entry: TarEntry, numbers: list[int]) -> tuple[Extent, ...]:
    """Check that the stretches follow each other inside of the file."""
    if not 0 <= entry.size <= _MAX_SIZE:
        raise _malformed(entry, "it has an impossible size")
    end = 0
    found = []
    for offset, length in zip(numbers[::2], numbers[1::2], strict=True):
        if offset < end or length < 0 or offset + length > entry.size:
            raise _malformed(entry, "its map leads out of it")
        end = offset + length
        if length:
            found.append(Extent(offset, length))
    return tuple(found)


def _number(entry: TarEntry, digits: bytes) -> int:
    if not digits.isdigit() or len(digits) > _DIGITS:
        raise _malformed(entry, f"{digits[:40]!r} is not a number")
    return int(digits)


def check_stored(entry: TarEntry, stored: int) -> None:
    """Check that the stretches of a sparse file are as long, all together, as what is stored of it.

    Raises:
        CorruptLayer: they are not.
    """
    if sum(extent.length for extent in entry.extents or ()) != stored:
        raise _malformed(entry, "its map does not fit what is stored of it")


def _malformed(entry: TarEntry, why: str) -> CorruptLayer:
    return CorruptLayer(f"The layer has a sparse file that cannot be read: {entry.name!r}: {why}.")

"""Blocks of a tar that describe an entry: ustar, GNU and pax headers (POSIX.1-2017, pax; GNU tar manual).

Where tools differ, this reads as Go's archive/tar does, which is what the other container engines read with.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from enum import IntEnum
from functools import lru_cache

from worker.engine.errors import CorruptLayer

BLOCK = 512
NAME_MAX_BYTES = 4096
"""Longest path or link target in bytes: what Linux takes in one call, so what any other tool could read."""

_CHECKSUM = slice(148, 156)
_SPACES = b" " * 8
# From the name to the link target, past the checksum; magic and version; past the owners' names, the rest.
_FIELDS = struct.Struct("100s8s8s8s12s12s8xc100s8s64x8s8s155s12x")
_ADLER_MODULUS = 65521
_MAX_ID = (1 << 32) - 2
_MAX_MAJOR, _MAX_MINOR = (1 << 12) - 1, (1 << 20) - 1  # what Linux has bits for
_MAX_TIME = 1 << 63
_SCHILY_XATTR = b"SCHILY.xattr."

SPARSE_PREFIX = b"GNU.sparse."
"""What the names of pax records of sparse files begin with."""

_SPARSE_MAP = SPARSE_PREFIX + b"map"
_SPARSE_PAIR = (SPARSE_PREFIX + b"offset", SPARSE_PREFIX + b"numbytes")


class TarType(IntEnum):
    """What a header describes, by its type flag."""

    FILE = ord("0")
    HARDLINK = ord("1")
    SYMLINK = ord("2")
    CHAR = ord("3")
    BLOCK = ord("4")
    DIRECTORY = ord("5")
    FIFO = ord("6")
    PAX = ord("x")
    PAX_GLOBAL = ord("g")
    GNU_LONG_NAME = ord("L")
    GNU_LONG_LINK = ord("K")
    GNU_SPARSE = ord("S")


_TYPES: dict[bytes, TarType] = {bytes([kind]): kind for kind in TarType}
_TYPES[b"\0"] = TarType.FILE  # as the oldest tars wrote it
_TYPES[b"7"] = TarType.FILE  # "contiguous", which no system knows any more


@dataclass(frozen=True, slots=True)
class Extent:
    """A stretch of a sparse file that holds data; bytes."""

    offset: int
    length: int


@dataclass(slots=True)
class TarEntry:
    """One entry, all headers of it taken together. Names are bytes, as they stand in the archive.

    Attributes:
        size: Bytes of content; 0 for everything but regular files.
        mtime_ns: Nanoseconds since the epoch; may be negative.
        link: Target of a hard or symbolic link.
        device: Major and minor number of a device.
        xattrs: Extended attributes by name.
        extents: Where the stored content of a sparse file goes; None for what is no sparse file, and has its
            whole content stored.
    """

    name: bytes
    type: TarType
    mode: int
    uid: int
    gid: int
    size: int
    mtime_ns: int
    link: bytes = b""
    device: tuple[int, int] = (0, 0)
    xattrs: dict[bytes, bytes] = field(default_factory=dict)
    extents: tuple[Extent, ...] | None = None


def parse_header(block: bytes) -> TarEntry:
    """Read one header block.

    Raises:
        CorruptLayer: the checksum is wrong, a number is none, or the type is unknown.
    """
    _verify_checksum(block)
    name, mode, uid, gid, size, mtime, flag, link, magic, major, minor, prefix = _FIELDS.unpack(block)
    kind = _TYPES.get(flag)
    if kind is None:
        raise CorruptLayer(f"The layer has an entry of the unknown type {flag!r}: {_text(name)!r}.")
    name = _text(name)
    if magic == b"ustar\x0000":
        if block[508:512] == b"tar\0":  # star's form: two times stand at the end of the prefix
            prefix = prefix[:131]
        if prefix[0]:
            name = _text(prefix) + b"/" + name
    entry = TarEntry(
        name,
        kind,
        parse_number(mode) & 0o7777,
        parse_number(uid),
        parse_number(gid),
        parse_number(size),
        parse_number(mtime) * 10**9,
    )
    if kind is TarType.HARDLINK or kind is TarType.SYMLINK:
        entry.link = _text(link)
    elif kind is TarType.CHAR or kind is TarType.BLOCK:
        entry.device = (parse_number(major), parse_number(minor))
    return entry


def check_numbers(entry: TarEntry) -> None:
    """Refuse numbers that no system call takes.

    Raises:
        CorruptLayer: owner, device or time are impossible.
    """
    if not (0 <= entry.uid <= _MAX_ID and 0 <= entry.gid <= _MAX_ID):
        raise CorruptLayer(f"The layer has an impossible owner: {entry.uid}:{entry.gid} of {entry.name!r}.")
    major, minor = entry.device
    if not (0 <= major <= _MAX_MAJOR and 0 <= minor <= _MAX_MINOR):
        raise CorruptLayer(f"The layer has an impossible device: {major}:{minor} of {entry.name!r}.")
    if not -_MAX_TIME <= entry.mtime_ns < _MAX_TIME:
        raise CorruptLayer(f"The layer has an impossible time: {entry.name!r}.")


def parse_pax(body: bytes) -> dict[bytes, bytes]:
    """Read the records of a pax header: ``"<length> <key>=<value>\\n"`` each.

    Raises:
        CorruptLayer: a record is malformed.
    """
    records: dict[bytes, bytes] = {}
    pairs: list[bytes] = []
    at = 0
    while at < len(body):
        space = body.find(b" ", at, at + 20)
        digits = body[at:space] if space > at else b""
        end = at + int(digits) if digits.isdigit() else 0
        if not space < end <= len(body) or body[end - 1 : end] != b"\n":
            raise CorruptLayer("The layer has a malformed pax header.")
        key, equals, value = body[space + 1 : end - 1].partition(b"=")
        if not equals or not key:
            raise CorruptLayer("The layer has a malformed pax header.")
        if key in _SPARSE_PAIR:
            # The only ones that come again and again, in turns: a map in the form that later came at once.
            if key != _SPARSE_PAIR[len(pairs) % 2] or not value.isdigit():
                raise CorruptLayer("The layer has a malformed pax header.")
            pairs.append(value)
        records[key] = value
        at = end
    if pairs:
        records[_SPARSE_MAP] = b",".join(pairs)
    return records


def apply_pax(entry: TarEntry, records: dict[bytes, bytes]) -> bool:
    """Let the records of a pax header take the place of what the entry's own header says.

    An empty value leaves the header's own, as the standard says.

    Returns:
        Whether there are more records, for ``sparse`` to read: the entry is a sparse file.

    Raises:
        CorruptLayer: a value cannot be read, or the entry is a sparse file in star's form.
    """
    is_sparse = False
    for key, value in records.items():
        if key.startswith(_SCHILY_XATTR):
            entry.xattrs[key.removeprefix(_SCHILY_XATTR)] = value
        elif key.startswith(SPARSE_PREFIX):
            is_sparse = True
        elif not value:
            continue
        elif key == b"path":
            entry.name = value
        elif key == b"linkpath":
            entry.link = value
        elif key == b"size":
            entry.size = _decimal(value)
        elif key == b"uid":
            entry.uid = _decimal(value)
        elif key == b"gid":
            entry.gid = _decimal(value)
        elif key == b"mtime":
            entry.mtime_ns = _nanoseconds(value)
        elif key == b"SCHILY.realsize":
            raise CorruptLayer(
                f"The layer has a sparse file in star's own form, which is not supported: {entry.name!r}.",
                hint="Build the layer with GNU tar, or without sparse files.",
            )
    return is_sparse


def _verify_checksum(block: bytes) -> None:
    """The sum of all bytes, the checksum's own counted as spaces.

    Adler-32's low half is one plus that sum, modulo a prime; ten times as fast as summing in Python.
    """
    stored = parse_number(block[_CHECKSUM])
    total = (zlib.adler32(block) & 0xFFFF) - 1 - sum(block[_CHECKSUM]) + sum(_SPACES)
    if (total - stored) % _ADLER_MODULUS and stored != _signed_sum(block):
        raise CorruptLayer("The layer is not a valid tar: a header's checksum is wrong.")


def _signed_sum(block: bytes) -> int:
    """The checksum as some old tars computed it, with bytes as signed numbers."""
    counted = block[: _CHECKSUM.start] + _SPACES + block[_CHECKSUM.stop :]
    return sum(struct.unpack("512b", counted))


def _text(padded: bytes) -> bytes:
    return padded.partition(b"\0")[0]


@lru_cache(4096)
def parse_number(padded: bytes) -> int:
    """An octal number, or GNU's binary form: the top bit set, then a big-endian two's complement.

    Cached, because most entries have the same mode, owner and time as the one before.

    Raises:
        CorruptLayer: it is neither.
    """
    digits = padded.strip(b" \0")
    if digits.isdigit():
        try:
            return int(digits, 8)
        except ValueError as error:
            raise CorruptLayer(f"The layer is not a valid tar: {digits!r} is not an octal number.") from error
    if not digits:
        return 0
    if padded[0] & 0x80:
        # The top bit is the mark; the one below it the sign.
        bits = 8 * len(padded) - 1
        value = int.from_bytes(padded, "big") & ((1 << bits) - 1)
        return value - (1 << bits) if padded[0] & 0x40 else value
    text, zero, _ = digits.partition(b"\0")
    if zero:  # what stands behind the end of the text says nothing
        return parse_number(text)
    raise CorruptLayer(f"The layer is not a valid tar: {digits!r} is not a number.")


def _decimal(value: bytes) -> int:
    if not value.isdigit() or len(value) > 20:
        raise CorruptLayer(f"The layer has a malformed pax header: {value[:40]!r} is not a number.")
    return int(value)


def _nanoseconds(value: bytes) -> int:
    """Seconds since the epoch, as a decimal fraction; what is finer than a nanosecond is cut off."""
    sign = -1 if value.startswith(b"-") else 1
    seconds, _, fraction = value.removeprefix(b"-").partition(b".")
    if not seconds.isdigit() or len(seconds) > 20 or not (fraction or b"0").isdigit():
        raise CorruptLayer(f"The layer has a malformed pax header: {value[:40]!r} is not a time.")
    return sign * (int(seconds) * 10**9 + int(fraction[:9].ljust(9, b"0")))

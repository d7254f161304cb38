"""Tars block by block, for what no well-behaved tool would write; and extraction of them within the test."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from worker.engine.layers import FileEntry, Limits
from worker.engine.layers.index import read_entries
from worker.engine.layers.unpack import Unpacked, unpack

BLOCK = 512
END = bytes(2 * BLOCK)


def header(
    name: bytes = b"file",
    kind: bytes = b"0",
    size: int | bytes = 0,
    *,
    mode: bytes = b"0000644\0",
    uid: bytes = b"0000000\0",
    gid: bytes = b"0000000\0",
    mtime: bytes = b"00000000000\0",
    link: bytes = b"",
    magic: bytes = b"ustar\x0000",
    device: tuple[bytes, bytes] = (b"0000000\0", b"0000000\0"),
    prefix: bytes = b"",
    tail: bytes = b"",
    checksum: bytes | None = None,
) -> bytes:
    """One header block, with a right checksum unless another is given."""
    length = size if isinstance(size, bytes) else b"%011o\0" % size
    before = name.ljust(100, b"\0") + mode + uid + gid + length + mtime
    after = (
        kind
        + link.ljust(100, b"\0")
        + magic.ljust(8, b"\0")
        + bytes(64)
        + device[0]
        + device[1]
        + prefix.ljust(155, b"\0")
        + tail.rjust(12, b"\0")
    )
    if checksum is None:
        checksum = b"%06o\0 " % (sum(before) + sum(b" " * 8) + sum(after))
    block = before + checksum + after
    assert len(block) == BLOCK
    return block


def padded(content: bytes) -> bytes:
    return content + bytes(-len(content) % BLOCK)


def file(name: bytes, content: bytes = b"", **fields: bytes) -> bytes:
    """A regular file: header and content."""
    return header(name, b"0", len(content), **fields) + padded(content)  # type: ignore[arg-type]


def pax(records: dict[bytes, bytes], kind: bytes = b"x") -> bytes:
    """A pax header for the entry that follows."""
    body = b""
    for key, value in records.items():
        length = rest = len(key) + len(value) + 3
        while length != rest + len(str(length)):
            length = rest + len(str(length))
        body += b"%d %s=%s\n" % (length, key, value)
    return header(b"PaxHeaders/x", kind, len(body)) + padded(body)


def gnu_long(kind: bytes, text: bytes) -> bytes:
    """A GNU long name (``L``) or long link (``K``) for the entry that follows."""
    body = text + b"\0"
    return header(b"././@LongLink", kind, len(body), magic=b"ustar  \0") + padded(body)


@dataclass(frozen=True)
class Tree:
    """What was extracted."""

    root: Path
    done: Unpacked
    entries: dict[bytes, FileEntry] = field(repr=False)

    def names(self) -> set[str]:
        """All paths in the tree, relative."""
        return {str(path.relative_to(self.root)) for path in self.root.rglob("*")}


@contextlib.contextmanager
def umask_zero() -> Iterator[None]:
    before = os.umask(0)
    try:
        yield
    finally:
        os.umask(before)


def unpack_here(tmp_path: Path, blob: bytes, limits: Limits | None = None) -> Tree:
    """Extract a layer without a jail: what keeps it inside is the code alone."""
    root = tmp_path / "tree"
    root.mkdir()
    fd = os.open(root, os.O_RDONLY)
    try:
        with umask_zero(), (tmp_path / "index").open("w+b") as index:
            source: io.RawIOBase = Pipe(blob)
            done = unpack(source, fd, index, limits or Limits())
            index.seek(0)
            listed = list(read_entries(index))
    finally:
        os.close(fd)
    entries = {entry.path: entry for entry in listed if entry.type != "opaque"}
    assert len(listed) == done.entries
    return Tree(root, done, entries)


class Pipe(io.RawIOBase):
    """Bytes that come as from a pipe: in pieces, and only once."""

    def __init__(self, content: bytes, piece: int = 1 << 16) -> None:
        self._rest = memoryview(content)
        self._piece = piece

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        count = min(self._piece, len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

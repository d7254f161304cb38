"""The file index of a layer: one immutable record per entry, written while the layer is extracted.

The file is a Zstandard stream of MessagePack values: a header ``{"format": "strata-files", "version": 1}``,
one array per entry, and the end mark ``{"entries": <their number>}``. An array is

    [path, type, size, mode, uid, gid, mtime_ns, link, xattrs, sha256, device]

and a shorter one leaves out fields at its end that are empty. It describes what the tree holds in the end: an
entry that a later one of the same tar replaced is not in it. Files come in the order of the tar, directories
after them.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, BinaryIO, Self

import msgpack
import zstandard

from worker.engine.errors import LayerMissing, StoreDamaged
from worker.engine.layers.collapse import HARDLINK_NUMBER, collapse

if TYPE_CHECKING:
    from pathlib import Path

_HEADER = {"format": "strata-files", "version": 1}
_LEVEL = 3
_FLUSH_EVERY = 1024  # records


class EntryType(StrEnum):
    """What stands at a path of a layer."""

    FILE = "file"
    DIRECTORY = "directory"
    SYMLINK = "symlink"
    HARDLINK = "hardlink"
    CHAR = "char"
    BLOCK = "block"
    FIFO = "fifo"
    IMPLIED = "implied"
    """A directory that the tar has entries in, but no entry for: its mode and owner say nothing. In an image
    it has those of the layers below (``worker.engine.merged``)."""
    WHITEOUT = "whiteout"
    """The path is deleted from the layers below."""
    OPAQUE = "opaque"
    """What the layers below have in this directory is deleted. A record beside the directory's own."""


# Numbers in the file; append only.
_TYPES = tuple(EntryType)
_NUMBERS = {kind: number for number, kind in enumerate(_TYPES)}
_EMPTY_END: list[Any] = [0, 0, 0, 0, 0, b"", None, None, None]
FILE_NUMBER = _NUMBERS[EntryType.FILE]
assert _NUMBERS[EntryType.HARDLINK] == HARDLINK_NUMBER  # noqa: S101


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One record.

    Attributes:
        path: From the layer's root, without a leading slash; the root itself is empty. Not always text.
        type: What it is.
        size: Bytes of content; 0 unless a file.
        mode: Permission bits, with set-user-ID, set-group-ID and sticky.
        uid, gid: Owner.
        mtime_ns: Nanoseconds since the epoch.
        link: A symlink's target as it is; a hardlink's target as a path like ``path``.
        xattrs: Extended attributes.
        sha256: Of the content of a file; else None.
        device: Major and minor number of a device; else None.
    """

    path: bytes
    type: EntryType
    size: int = 0
    mode: int = 0
    uid: int = 0
    gid: int = 0
    mtime_ns: int = 0
    link: bytes = b""
    xattrs: Mapping[bytes, bytes] = field(default_factory=dict, hash=False)
    sha256: bytes | None = None
    device: tuple[int, int] | None = None

    def pack(self) -> list[Any]:
        """The record as it stands in the file, without its empty end."""
        record: list[Any] = [
            self.path,
            _NUMBERS[self.type],
            self.size,
            self.mode,
            self.uid,
            self.gid,
            self.mtime_ns,
            self.link,
            dict(self.xattrs) if self.xattrs else None,
            self.sha256,
            self.device,
        ]
        while not record[-1] and len(record) > 2:
            record.pop()
        return record

    @classmethod
    def unpack(cls, record: list[Any]) -> Self:
        """The inverse of :meth:`pack`."""
        path, number, *rest = record
        size, mode, uid, gid, mtime_ns, link, xattrs, sha256, device = rest + _EMPTY_END[len(rest) :]
        return cls(
            path,
            _TYPES[number],
            size,
            mode,
            uid,
            gid,
            mtime_ns,
            link,
            xattrs or {},
            sha256,
            tuple(device) if device else None,
        )


class FileIndex:
    """A layer's file index, to be read."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def entries(self) -> Iterator[FileEntry]:
        """Yield all records, in the order of the tar; a million need no more memory than ten.

        Raises:
            LayerMissing: there is no such file.
            StoreDamaged: it cannot be read.
        """
        with self._open() as file:
            yield from read_entries(file)

    def records(self) -> Iterator[tuple[Any, ...]]:
        """Yield the same as they stand in the file (:meth:`FileEntry.pack`); for whoever reads very many.

        What the fields hold is not looked at.

        Raises:
            LayerMissing, StoreDamaged: as above.
        """
        with self._open() as file:
            yield from _read_records(file)

    @contextlib.contextmanager
    def _open(self) -> Iterator[BinaryIO]:
        try:
            file = self._path.open("rb")
        except FileNotFoundError as error:
            raise LayerMissing("The layer is not extracted: it has no file index.") from error
        with file:
            yield file


def read_entries(file: BinaryIO) -> Iterator[FileEntry]:
    """Yield all records of an open index; see :meth:`FileIndex.entries`."""
    try:
        values = _read_values(file)
        if next(values, None) != _HEADER:
            raise StoreDamaged("The layer's file index has an unknown form.")
        for count, record in enumerate(values):
            if record == {"entries": count}:
                return
            yield FileEntry.unpack(record)
        raise StoreDamaged("The layer's file index is truncated.")
    except (zstandard.ZstdError, ValueError, TypeError, IndexError, msgpack.UnpackException) as error:
        raise StoreDamaged(f"The layer's file index is damaged ({error}).") from error


def _read_records(file: BinaryIO) -> Iterator[tuple[Any, ...]]:
    count = 0
    try:
        values = _read_values(file, use_list=False)
        if next(values, None) != _HEADER:
            raise StoreDamaged("The layer's file index has an unknown form.")
        for record in values:
            if type(record) is tuple:
                count += 1
                yield record
            elif record == {"entries": count}:
                return
            else:
                break
    except (zstandard.ZstdError, ValueError, TypeError, msgpack.UnpackException) as error:
        raise StoreDamaged(f"The layer's file index is damaged ({error}).") from error
    raise StoreDamaged("The layer's file index is truncated.")


def _read_values(file: BinaryIO, *, use_list: bool = True) -> Iterator[Any]:
    with zstandard.ZstdDecompressor().stream_reader(file, closefd=False) as stream:
        yield from msgpack.Unpacker(stream, raw=False, strict_map_key=False, use_list=use_list)


class IndexWriter:
    """A layer's file index, being written to an open file, record by record.

    Attributes:
        count: Records so far.
        content_size: Bytes of content of all files so far.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._forgotten = False
        self._begin()

    def add(self, record: list[Any]) -> None:
        """Append a record, in the form of :meth:`FileEntry.pack`."""
        self._packer.pack(record)
        self.count += 1
        if record[1] == FILE_NUMBER:
            self.content_size += record[2]
        if not self.count % _FLUSH_EVERY:
            self._flush()

    def forget(self, path: bytes) -> None:
        """Take back the records of ``path`` and of everything below it: something took their place."""
        self._packer.pack(path)
        self._forgotten = True

    def close(self) -> None:
        """Write the end. The file is at its end then, and stays open."""
        if self._forgotten:
            self._end()
            self._file.seek(0)
            packed = self._file.read()  # compressed: some 30 bytes a record
            self._file.seek(0)
            self._file.truncate()
            self._begin()
            for record in collapse(lambda: _read_values(io.BytesIO(packed))):
                self.add(record)
        self._end()

    def _begin(self) -> None:
        self._stream = zstandard.ZstdCompressor(level=_LEVEL).stream_writer(self._file, closefd=False)
        self._packer = msgpack.Packer(autoreset=False)
        self._packer.pack(_HEADER)
        self.count = 0
        self.content_size = 0

    def _end(self) -> None:
        self._packer.pack({"entries": self.count})
        self._flush()
        self._stream.flush(zstandard.FLUSH_FRAME)

    def _flush(self) -> None:
        self._stream.write(self._packer.bytes())
        self._packer.reset()

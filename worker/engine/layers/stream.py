"""From compressed bytes to a measured, hashed stream of uncompressed ones."""

from __future__ import annotations

import hashlib
import io
import queue
import threading
from collections.abc import Generator
from typing import Any, BinaryIO, Protocol, cast

import zstandard
from isal import igzip_lib, isal_zlib

from worker.engine.errors import CorruptLayer
from worker.engine.layers.frames import Frames
from worker.engine.layers.limits import Limits

CHUNK = 1 << 20  # a multiple of a tar's block, so that no header ever straddles two chunks
_CHUNKS = 4
_READ = 512 << 10
_GZIP, _ZSTD, _ZSTD_SKIPPABLE = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\x2a\x4d\x18"

# isal's stubs take its exception for a value.
_DAMAGE: tuple[type[Exception], ...] = (
    EOFError,
    cast(Any, igzip_lib.IsalError),
    zstandard.ZstdError,
    OSError,
    OverflowError,  # a gzip header longer than the decompressor's buffer
)


class _Reader(Protocol):
    def readinto(self, buffer: memoryview, /) -> int | None: ...


class _Counted(io.RawIOBase):
    """The compressed stream, with its first bytes already read, counting what goes through.

    Attributes:
        frames: Follows what goes through, if it is Zstandard.
    """

    def __init__(self, raw: io.RawIOBase) -> None:
        self._raw = raw
        self._head = _read_up_to(raw, 4)
        self.head = self._head
        self.count = 0
        self.frames: Frames | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if self._head:
            count = min(len(self._head), len(buffer))
            buffer[:count], self._head = self._head[:count], self._head[count:]
        else:
            count = self._raw.readinto(buffer) or 0
        self.count += count
        if self.frames is not None:
            self.frames.feed(buffer[:count])
        return count

    def check_whole(self) -> None:
        """Raise EOFError if the end has come in the middle of a frame."""
        if self.frames is not None and not self.frames.whole:
            raise EOFError("it ends inside of a Zstandard frame")


class Inflated:
    """The uncompressed bytes of a layer, as chunks; a thread inflates ahead of the reader.

    The compression is told by the first bytes, as the other engines do: media types are not always right.
    Iterate once. A chunk is valid until the next one is taken; all but the last are :data:`CHUNK` long.

    Attributes:
        compressed: Bytes read so far.
        unpacked: Bytes uncompressed so far.
    """

    def __init__(self, raw: io.RawIOBase, limits: Limits) -> None:
        self._limits = limits
        self._source = _Counted(raw)
        self._hash = hashlib.sha256()
        self._free: queue.SimpleQueue[memoryview | None] = queue.SimpleQueue()
        self._full: queue.SimpleQueue[tuple[memoryview, int] | BaseException] = queue.SimpleQueue()
        self.unpacked = 0
        for _ in range(_CHUNKS):
            self._free.put(memoryview(bytearray(CHUNK)))

    @property
    def compressed(self) -> int:
        return self._source.count

    @property
    def digest(self) -> str:
        """SHA-256 of all uncompressed bytes, in hex; right once the iteration has ended."""
        return self._hash.hexdigest()

    def __iter__(self) -> Generator[memoryview, None, None]:
        """Yield the chunks.

        Raises:
            CorruptLayer: the compressed stream is damaged or truncated.
            UnsafeLayer: it is beyond the limits.
        """
        threading.Thread(target=self._inflate, daemon=True).start()
        try:
            while True:
                item = self._full.get()
                if isinstance(item, BaseException):
                    raise item
                buffer, count = item
                if not count:
                    return
                yield buffer[:count]
                self._free.put(buffer)
        finally:
            self._free.put(None)

    def _inflate(self) -> None:
        """Fill chunks until the end: the thread's work. Its errors are raised where the chunks are read."""
        try:
            reader = _open(self._source)
            count = CHUNK
            while count and (buffer := self._free.get()) is not None:
                count = _fill(reader, buffer)
                self._hash.update(buffer[:count])
                self.unpacked += count
                self._limits.check_bytes(self._source.count, self.unpacked)
                if not count:
                    self._source.check_whole()
                self._full.put((buffer, count))
        except _DAMAGE as error:
            self._full.put(_explain(error))
        except BaseException as error:  # noqa: BLE001 (whatever it is: the reader waits, and raises it)
            self._full.put(error)


def _open(source: _Counted) -> _Reader:
    if source.head.startswith(_GZIP):
        # IGzipFile has no readinto before Python 3.12's gzip module; this is the reader inside of it.
        return isal_zlib._GzipReader(cast(BinaryIO, source), _READ)
    if source.head.startswith(_ZSTD) or source.head[1:] == _ZSTD_SKIPPABLE:
        source.frames = Frames()
        decompressor = zstandard.ZstdDecompressor()
        return decompressor.stream_reader(cast(BinaryIO, source), read_size=_READ, read_across_frames=True)
    return source


def _fill(reader: _Reader, buffer: memoryview) -> int:
    done = 0
    while done < len(buffer):
        count = reader.readinto(buffer[done:])
        if not count:
            break
        done += count
    return done


def _read_up_to(raw: io.RawIOBase, count: int) -> bytes:
    found = b""
    while len(found) < count and (more := raw.read(count - len(found))):
        found += more
    return found


def _explain(error: Exception) -> CorruptLayer:
    what = "truncated" if isinstance(error, EOFError) else "damaged"
    return CorruptLayer(f"The layer's compressed data is {what} ({error}).")

"""Reading a tar as a stream: one entry after the other, in one pass, holding no content."""

from __future__ import annotations

from collections.abc import Iterator

from worker.engine.errors import CorruptLayer
from worker.engine.layers.header import (
    BLOCK,
    TarEntry,
    TarType,
    apply_pax,
    parse_header,
    parse_pax,
)
from worker.engine.layers.limits import Limits
from worker.engine.layers.sparse import check_stored, read_gnu_map, read_pax_map

SPECIAL_MAX_BYTES = 1 << 20
"""Longest pax header or GNU long name; as Go's archive/tar has it."""

_ZEROS = bytes(BLOCK)
_EMPTY = memoryview(b"")


class TarReader:
    """The entries of a tar.

    Iterate once; between two entries :meth:`content` gives what the first one holds, and what of it is not
    read is skipped. After the end mark the rest of the stream is read and ignored.

    Attributes:
        holes: Bytes that the sparse files so far are longer than what is stored of them.
    """

    def __init__(self, chunks: Iterator[memoryview], limits: Limits) -> None:
        self._chunks = chunks
        self._limits = limits
        self._chunk = _EMPTY
        self._at = 0
        self._left = 0  # bytes of the current entry's content not yet given
        self._padding = 0  # bytes after it, up to a full block
        self.holes = 0

    def __iter__(self) -> Iterator[TarEntry]:
        """Yield the entries in their order.

        Raises:
            CorruptLayer: it is not a valid tar, is truncated, or uses a form that is not supported.
            UnsafeLayer: it is beyond the limits.
        """
        count = 0
        while (entry := self._next()) is not None:
            count += 1
            self._limits.check_entries(count)
            yield entry
        for _ in self._chunks:
            pass

    def content(self) -> Iterator[memoryview]:
        """Yield what is left of the current entry's content, in pieces valid until the next is taken.

        Of a sparse file, its extents' content, one after the other.
        """
        while self._left:
            piece = self._take(self._left)
            if not piece:
                raise CorruptLayer("The layer is truncated: the last entry's content is incomplete.")
            self._left -= len(piece)
            yield piece

    def _next(self) -> TarEntry | None:
        """Read up to and including the next entry's own header, and lay together all that describes it."""
        records: dict[bytes, bytes] = {}
        long_name: bytes | None = None
        long_link: bytes | None = None
        described = False
        while True:
            block = self._block()
            if block is None or (block == _ZEROS and self._ends()):
                if described:
                    raise CorruptLayer("The layer is truncated: it ends between an entry's headers.")
                return None
            entry = parse_header(block)
            kind = entry.type
            self._set_size(entry.size)
            if kind is TarType.PAX:
                records, described = parse_pax(self._special()), True
            elif kind is TarType.GNU_LONG_NAME:
                long_name, described = self._special().partition(b"\0")[0], True
            elif kind is TarType.GNU_LONG_LINK:
                long_link, described = self._special().partition(b"\0")[0], True
            elif kind is not TarType.PAX_GLOBAL:  # which the other engines ignore as well
                break
        is_sparse = bool(records) and apply_pax(entry, records)
        if long_name is not None:
            entry.name = long_name
        if long_link is not None:
            entry.link = long_link
        if kind is TarType.FILE and entry.name.endswith(b"/"):
            entry.type = kind = TarType.DIRECTORY  # as the oldest tars wrote it
        if is_sparse or kind is TarType.GNU_SPARSE:
            self._read_map(entry, block, records)
            return entry
        if kind is not TarType.FILE:
            entry.size = 0  # other types have no content, whatever the header says
        self._set_size(entry.size)
        return entry

    def _read_map(self, entry: TarEntry, block: bytes, records: dict[bytes, bytes]) -> None:
        """Make a sparse file of an entry, whose size so far is that of what is stored."""
        stored = entry.size
        if entry.type is TarType.GNU_SPARSE:
            entry.type = TarType.FILE
            self._set_size(0)
            entry.extents = read_gnu_map(entry, block, self._block)
            self._set_size(stored)
        elif entry.type is TarType.FILE:
            self._set_size(stored)
            entry.extents = read_pax_map(entry, records, self._content_blocks())
        else:
            raise CorruptLayer(f"The layer has a sparse file that is no file: {entry.name!r}.")
        check_stored(entry, self._left)
        self.holes += entry.size - self._left
        self._limits.check_holes(self.holes)

    def _content_blocks(self) -> Iterator[bytes]:
        """The blocks of the current entry's content, but for a last one that is short."""
        while self._left >= BLOCK:
            block = b""
            while len(block) < BLOCK:
                piece = self._take(BLOCK - len(block))
                if not piece:
                    raise CorruptLayer("The layer is truncated: the last entry's content is incomplete.")
                block += piece
            self._left -= BLOCK
            yield block

    def _set_size(self, size: int) -> None:
        if size < 0:
            raise CorruptLayer("The layer is not a valid tar: an entry has a negative size.")
        self._left = size
        self._padding = -size % BLOCK

    def _special(self) -> bytes:
        """The content of a header that describes the next one."""
        if self._left > SPECIAL_MAX_BYTES:
            raise CorruptLayer(
                f"The layer has a header of {self._left} bytes, more than {SPECIAL_MAX_BYTES}."
            )
        return b"".join(bytes(piece) for piece in self.content())

    def _ends(self) -> bool:
        """Tell whether the zero block just read is the end mark: a second one, or nothing, follows."""
        following = self._block()
        if following is not None and following != _ZEROS:
            raise CorruptLayer("The layer is not a valid tar: a block of zeros stands between its entries.")
        return True

    def _block(self) -> bytes | None:
        """The next header block, after what is left of the current entry; None at the end of the stream."""
        if self._left or self._padding:
            self._skip(self._left + self._padding)
        block = bytes(self._take(BLOCK))
        while 0 < len(block) < BLOCK:
            more = self._take(BLOCK - len(block))
            if not more:
                raise CorruptLayer("The layer is truncated: it ends inside of a header.")
            block += more
        return block or None

    def _skip(self, count: int) -> None:
        while count:
            piece = self._take(count)
            if not piece:
                # Some tools leave the last block short; only missing content is damage.
                if count > self._padding:
                    raise CorruptLayer("The layer is truncated: the last entry's content is incomplete.")
                break
            count -= len(piece)
        self._left = self._padding = 0

    def _take(self, count: int) -> memoryview:
        """Up to ``count`` of the next bytes; none at the end of the stream."""
        if self._at >= len(self._chunk):
            # The old chunk must be let go before the next is taken: it is a view that gets reused.
            self._chunk, self._at = next(self._chunks, _EMPTY), 0
        piece = self._chunk[self._at : self._at + count]
        self._at += len(piece)
        return piece

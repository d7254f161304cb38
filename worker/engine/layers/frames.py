"""Whether a Zstandard stream is whole, told by the headers of its frames and blocks (RFC 8878, section 3).

The decompressor takes the end of its input for the end of the stream, even in the middle of a frame; so this
has to be seen beside it.
"""

from __future__ import annotations

from collections.abc import Generator

_MAGIC = b"\x28\xb5\x2f\xfd"
_SKIPPABLE = b"\x2a\x4d\x18"
_DICTIONARY_BYTES = (0, 1, 2, 4)
_CONTENT_SIZE_BYTES = (0, 2, 4, 8)
_RUN = 1  # the type of a block that holds one byte, to be repeated


class Frames:
    """Follows a stream, piece by piece. What is no Zstandard is left for the decompressor to refuse."""

    def __init__(self) -> None:
        self._walk = _walk()
        self._skip, self._wanted, self._between = next(self._walk)
        self._head = b""

    @property
    def whole(self) -> bool:
        """Whether the stream so far ends where a frame does."""
        return self._between and not self._skip and not self._head

    def feed(self, data: memoryview) -> None:
        """Go on over the next bytes of the stream."""
        at = 0
        while at < len(data):
            if self._skip:
                step = min(self._skip, len(data) - at)
                self._skip -= step
            else:
                step = min(self._wanted - len(self._head), len(data) - at)
                self._head += data[at : at + step]
                if len(self._head) == self._wanted:
                    self._skip, self._wanted, self._between = self._walk.send(self._head)
                    self._head = b""
            at += step


def _walk() -> Generator[tuple[int, int, bool], bytes, None]:
    """Be sent one header after the other; tell how much to pass over first, how long the next one is, and
    whether it begins a frame."""
    skip = 0
    while True:
        magic = yield skip, len(_MAGIC), True
        if magic == _MAGIC:
            descriptor = (yield 0, 1, False)[0]
            single_segment = bool(descriptor & 0x20)
            content_size = _CONTENT_SIZE_BYTES[descriptor >> 6] or int(single_segment)
            skip = int(not single_segment) + _DICTIONARY_BYTES[descriptor & 3] + content_size
            last = False
            while not last:
                block = int.from_bytes((yield skip, 3, False), "little")
                last = bool(block & 1)
                skip = 1 if (block >> 1) & 3 == _RUN else block >> 3
            skip += 4 if descriptor & 4 else 0  # the checksum
        elif magic[1:] == _SKIPPABLE:
            skip = int.from_bytes((yield 0, 4, False), "little")

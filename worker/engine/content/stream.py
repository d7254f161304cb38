"""Reading an open file piece by piece, so that its size does not matter."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import BinaryIO, Protocol

from worker.engine.disk import disk_errors
from worker.engine.errors import StoreDamaged

CHUNK_BYTES = 1 << 18


class Measured(Protocol):
    """What is known of a file's content."""

    @property
    def size(self) -> int: ...
    @property
    def sha256(self) -> bytes | None: ...


def pieces(content: BinaryIO, known: Measured, start: int, length: int) -> Iterator[bytes]:
    """Yield ``length`` bytes from ``start`` on, at most ``CHUNK_BYTES`` at once.

    If that is the whole file, the last piece comes only once all of it is verified: what nobody vouches for
    never arrives whole.

    Raises:
        StoreDamaged: there are fewer, or it is not the content that is known.
        StoreError: the disk refuses.
    """
    digest = hashlib.sha256() if known.sha256 and (start, length) == (0, known.size) else None
    left = length
    with disk_errors("read a file of the layer"):
        content.seek(start)
        while left:
            piece = content.read(min(left, CHUNK_BYTES))
            if not piece:
                raise StoreDamaged(f"A file of the layer ends {left:,} bytes too early.")
            left -= len(piece)
            if digest is not None:
                digest.update(piece)
                if not left and digest.digest() != known.sha256:
                    raise StoreDamaged("A file of the layer has other content than its index says.")
            yield piece

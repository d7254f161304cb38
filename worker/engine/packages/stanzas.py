"""Databases made of stanzas: lines of ``key: value``, and an empty line between one package and the next.

dpkg's status file (deb822(5)) and apk's installed file have this form. The file is read piece by piece, only
what is asked for is kept, and everything is bounded: a stranger wrote it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import BinaryIO

from worker.engine.packages.values import Unreadable

MAX_LINE = 1 << 16
"""Bytes of a line that are looked at; the rest of a longer one is passed over."""
MAX_BYTES = 1 << 27
"""Bytes of a database that are read. Debian's largest, with every package installed, would be half of it."""


def stanzas(file: BinaryIO, keys: Collection[bytes]) -> Iterator[dict[bytes, bytes]]:
    """Yield each stanza's first lines of the fields ``keys`` (lower case; for apk's one-letter keys, as is).

    Raises:
        Unreadable: the file goes on beyond ``MAX_BYTES``; what came before was yielded.
    """
    stanza: dict[bytes, bytes] = {}
    begun = False
    for line in _lines(file):
        if not line.strip():
            if begun:
                yield stanza
            stanza, begun = {}, False
            continue
        begun = True
        key, colon, value = line.partition(b":")
        if not colon or key[:1] in (b" ", b"\t"):
            continue
        name = key if len(key) == 1 else key.lower()
        if name in keys and name not in stanza:
            stanza[name] = value.strip()
    if begun:
        yield stanza


def _lines(file: BinaryIO) -> Iterator[bytes]:
    total = 0
    whole = True  # whether the next piece begins a line
    while piece := file.readline(MAX_LINE):
        total += len(piece)
        if total > MAX_BYTES:
            raise Unreadable(f"Only its first {MAX_BYTES >> 20} MiB were read.")
        if whole:
            yield piece
        whole = piece.endswith(b"\n")

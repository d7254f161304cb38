"""Bytes in hexadecimal, as ``hexdump -C`` shows them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

ROW_BYTES = 16


@dataclass(frozen=True, slots=True)
class HexRow:
    """Sixteen bytes.

    Attributes:
        offset: Of the first, in the file.
        left, right: Eight of them each, in hexadecimal.
        text: What of it is printable ASCII; dots for the rest.
    """

    offset: int
    left: str
    right: str
    text: str


def hex_rows(data: bytes, start: int = 0) -> Iterator[HexRow]:
    """Yield the rows of ``data``, which stands at ``start`` in its file."""
    for at in range(0, len(data), ROW_BYTES):
        row = data[at : at + ROW_BYTES]
        text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)
        yield HexRow(start + at, row[:8].hex(" "), row[8:].hex(" "), text)

"""Sizes as people write them in rules: ``20MB``, ``1.5 GiB``, ``4096``. The same units as dive takes."""

from __future__ import annotations

import re

from worker.engine.errors import InvalidInput

_PREFIXES = ("", "k", "m", "g", "t", "p", "e")
#: ``MB`` and ``M`` are powers of 1000, ``MiB`` and ``Mi`` powers of 1024; the case says nothing.
_UNITS = {f"{prefix}{end}": 1000**power for power, prefix in enumerate(_PREFIXES) for end in ("", "b")} | {
    f"{prefix}i{end}": 1024**power for power, prefix in enumerate(_PREFIXES) if prefix for end in ("", "b")
}
_SIZE = re.compile(r"\s*([0-9][0-9,]*(?:\.[0-9]*)?|\.[0-9]+)\s*([a-zA-Z]*)\s*", re.ASCII)
_MOST = 1 << 63
_TEXT_MAX = 50


def parse_size(text: str) -> int:
    """Return the bytes that ``text`` says; a part of a byte is left out.

    Raises:
        InvalidInput: it is no size, or more than a file system can hold.
    """
    match = _SIZE.fullmatch(text) if len(text) <= _TEXT_MAX else None
    factor = _UNITS.get(match[2].lower()) if match else None
    if match is None or factor is None:
        raise InvalidInput(
            f"{text[:_TEXT_MAX]!r} is not a size.",
            hint="Write bytes, or a number with a unit: 20MB (20,000,000 bytes), 20MiB (20,971,520 bytes).",
        )
    number = match[1].replace(",", "")
    bytes_ = int(number) * factor if number.isdigit() else int(float(number) * factor)
    if bytes_ >= _MOST:
        raise InvalidInput(f"{text!r} is more than any image can be.")
    return bytes_

"""How long a text is when drawn, so that a name can be cut before it leaves its box.

The table holds the advance widths of Inter at weight 600 (the boldest that the drawing uses), in
thousandths of an em, for the printable ASCII characters, as measured in a browser.
"""

from __future__ import annotations

import unicodedata

# fmt: off
_ASCII = (
    252, 321, 523, 644, 650, 1004, 663, 326, 373, 373, 540, 673, 319, 465, 319, 379,
    660, 423, 623, 636, 666, 612, 640, 576, 640, 640, 319, 329, 673, 673, 673, 543,
    999, 728, 659, 737, 722, 605, 588, 749, 746, 277, 580, 703, 565, 922, 759, 769,
    645, 773, 652, 650, 660, 736, 728, 1020, 720, 713, 652, 373, 379, 373, 481, 469,
    351, 574, 624, 583, 624, 591, 389, 626, 612, 262, 262, 569, 262, 900, 612, 609,
    624, 624, 397, 549, 353, 612, 587, 839, 569, 588, 566, 455, 359, 455, 673,
)
# fmt: on
_ELLIPSIS = "…"
_OTHER = {"…": 957, "·": 319, "—": 1000}
_LETTER, _WIDE = 800, 1050


def length(text: str, size: float) -> float:
    """Return the length of ``text`` at ``size`` (the unit of both is the same); never too short for Inter."""
    return sum(map(_advance, text)) * size / 1000


def clip(text: str, size: float, room: float) -> str:
    """Return ``text``, cut and ended by an ellipsis if it is longer than ``room``."""
    if length(text, size) <= room:
        return text
    used = length(_ELLIPSIS, size)
    kept: list[str] = []
    for char in text:
        used += _advance(char) * size / 1000
        if used > room:
            break
        kept.append(char)
    return "".join(kept).rstrip() + _ELLIPSIS


def clip_middle(text: str, size: float, room: float) -> str:
    """Like :func:`clip`, but keep both ends: of an image's name, the end is what tells it from others."""
    if length(text, size) <= room:
        return text
    spare = room - length(_ELLIPSIS, size)
    tail = ""
    for char in reversed(text):
        if length(char + tail, size) > spare * 0.45:
            break
        tail = char + tail
    head = ""
    for char in text:
        if length(head + char, size) > spare - length(tail, size):
            break
        head += char
    return head.rstrip() + _ELLIPSIS + tail.lstrip()


def _advance(char: str) -> int:
    code = ord(char) - 32
    if 0 <= code < len(_ASCII):
        return _ASCII[code]
    if known := _OTHER.get(char):
        return known
    if unicodedata.combining(char):
        return 0
    return _WIDE if unicodedata.east_asian_width(char) in "WF" or ord(char) > 0xFFFF else _LETTER

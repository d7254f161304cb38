"""Numbers as addresses carry them."""

from __future__ import annotations

ID_DIGITS = 18  # so many fit into a row's number in any database


def whole_number(text: str, digits: int = 9) -> int | None:
    """Return the number that ``text`` is, of ASCII digits alone and at most so many; None if it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= digits else None

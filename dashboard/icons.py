"""The icons: symbols of one vendored sprite, drawn inline so that a swapped fragment never flickers."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_SPRITE = Path(__file__).parent / "static" / "vendor" / "lucide.svg"
_SYMBOL = re.compile(r'<symbol id="(?P<name>[a-z0-9-]+)" viewBox="0 0 24 24">(?P<inside>.*?)</symbol>')


@cache
def icons() -> dict[str, str]:
    """Return each icon's name and the SVG elements inside it."""
    return {match["name"]: match["inside"] for match in _SYMBOL.finditer(_SPRITE.read_text())}

"""Put rectangles of many sizes on one sheet of a pleasant shape."""

from __future__ import annotations

import math
from collections.abc import Sequence

Size = tuple[float, float]
Point = tuple[float, float]


def shelves(sizes: Sequence[Size], *, aspect: float, gap: float) -> tuple[list[Point], Size]:
    """Place ``sizes`` (width, height) in rows, in the order given, and return their corners and the whole size.

    The sheet is made about ``aspect`` times as wide as high; it is never narrower than the widest part.
    """
    if not sizes:
        return [], (0.0, 0.0)
    area = sum((width + gap) * (height + gap) for width, height in sizes)
    limit = max(max(width for width, _ in sizes), math.sqrt(area * aspect))
    corners: list[Point] = []
    x = y = shelf = widest = 0.0
    for width, height in sizes:
        if x and x + width > limit:
            y += shelf + gap
            x = shelf = 0.0
        corners.append((x, y))
        x += width + gap
        shelf = max(shelf, height)
        widest = max(widest, x - gap)
    return corners, (widest, y + shelf)

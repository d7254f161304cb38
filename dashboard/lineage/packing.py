"""Put rectangles of many sizes on one sheet of a pleasant shape."""

from __future__ import annotations

import math
from collections.abc import Sequence

Size = tuple[float, float]
Point = tuple[float, float]

#: Widths that are tried, as multiples of the width that a perfect packing would have.
_WIDTHS = (1.0, 1.08, 1.16, 1.25, 1.35, 1.5)
#: With more parts than this, one width is as good as another, and trying takes time.
_MANY = 200


def pack(sizes: Sequence[Size], *, aspect: float, gap: float) -> tuple[list[Point], Size]:
    """Place ``sizes`` (width, height) with ``gap`` between them; return their corners and the whole size.

    Each goes, in the order given, as far up as it can, and there as far left. Of several widths of the sheet,
    the one is taken whose picture can be shown largest in a window that is ``aspect`` times as wide as high.
    """
    if not sizes:
        return [], (0.0, 0.0)
    padded = [(width + gap, height + gap) for width, height in sizes]
    widest = max(width for width, _ in padded)
    ideal = math.sqrt(sum(width * height for width, height in padded) * aspect)
    best: tuple[float, list[Point], Size] | None = None
    factors = _WIDTHS if len(sizes) <= _MANY else _WIDTHS[1:2]
    for limit in sorted({max(widest, ideal * factor) for factor in factors}):
        corners = _skyline(padded, limit)
        whole = (
            max(x + width for (x, _), (width, _) in zip(corners, sizes, strict=True)),
            max(y + height for (_, y), (_, height) in zip(corners, sizes, strict=True)),
        )
        cost = max(whole[0] / aspect, whole[1])
        if best is None or cost < best[0]:
            best = (cost, corners, whole)
    assert best is not None  # noqa: S101 - there is at least one width
    return best[1], best[2]


def _skyline(sizes: Sequence[Size], limit: float) -> list[Point]:
    """Drop each rectangle onto a skyline of (x, y) steps that ends at ``limit``."""
    steps: list[Point] = [(0.0, 0.0)]
    corners: list[Point] = []
    for width, height in sizes:
        spots = ((_floor(steps, at, width, limit), steps[at][0], at) for at in range(len(steps)))
        y, x, at = min(spots)
        corners.append((x, y))
        steps = _raised(steps, at, x + width, y + height, limit)
    return corners


def _floor(steps: list[Point], at: int, width: float, limit: float) -> float:
    """Return the height on which a rectangle rests whose left side is at step ``at``."""
    right = steps[at][0] + width
    if right > limit + 1e-6:
        return math.inf
    y = 0.0
    for x, height in steps[at:]:
        if x >= right - 1e-6:
            break
        y = max(y, height)
    return y


def _raised(steps: list[Point], at: int, right: float, height: float, limit: float) -> list[Point]:
    """Return the skyline after a rectangle covered it from step ``at`` to ``right``."""
    beyond = at
    while beyond < len(steps) and steps[beyond][0] < right - 1e-6:
        beyond += 1
    raised = [*steps[:at], (steps[at][0], height)]
    if right < limit - 1e-6 and (beyond == len(steps) or steps[beyond][0] > right + 1e-6):
        raised.append((right, steps[beyond - 1][1]))
    return raised + steps[beyond:]

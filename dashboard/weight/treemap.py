"""The layout of a treemap: rectangles whose areas are as their weights, as square as can be.

The algorithm is that of Bruls, Huizing and van Wijk, "Squarified Treemaps" (2000): rows are laid along the
shorter side of what is left, and a row takes one more as long as that makes its worst rectangle no worse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rect:
    """A rectangle, in the units of its drawing."""

    x: float
    y: float
    width: float
    height: float

    def inset(self, sides: float, top: float) -> Rect:
        """What is left of it without an edge; nothing, if it is too small."""
        width, height = self.width - 2 * sides, self.height - top - sides
        return Rect(self.x + sides, self.y + top, max(0.0, width), max(0.0, height))


def squarify(weights: Sequence[float], space: Rect) -> list[Rect]:
    """Divide ``space`` in proportion to ``weights``, in their order.

    Args:
        weights: Above 0, the heaviest first.
    """
    total = sum(weights)
    if not total or not space.width or not space.height:
        return [Rect(space.x, space.y, 0.0, 0.0) for _ in weights]
    scale = space.width * space.height / total
    areas = [weight * scale for weight in weights]
    made: list[Rect] = []
    at = 0
    while at < len(areas):
        side = min(space.width, space.height)
        end = at + 1
        area, worst = areas[at], _worst(areas[at], areas[at], areas[at], side)
        while end < len(areas):
            longer = area + areas[end]
            next_worst = _worst(longer, areas[at], areas[end], side)
            if next_worst > worst:
                break
            area, worst, end = longer, next_worst, end + 1
        row, space = _lay(areas[at:end], area, space)
        made += row
        at = end
    return made


def _worst(area: float, largest: float, smallest: float, side: float) -> float:
    """How far from square the worst rectangle of a row is: 1 is a square."""
    if not area or not smallest or not side:
        return float("inf")
    square = side * side / (area * area)
    return max(square * largest, 1 / (square * smallest))


def _lay(areas: Sequence[float], area: float, space: Rect) -> tuple[list[Rect], Rect]:
    """Lay one row along the shorter side; return it, and the space that is left."""
    row: list[Rect] = []
    if space.width >= space.height:
        width = min(space.width, area / space.height) if space.height else 0.0
        y = space.y
        for one in areas:
            height = one / width if width else 0.0
            row.append(Rect(space.x, y, width, height))
            y += height
        return row, Rect(space.x + width, space.y, space.width - width, space.height)
    height = min(space.height, area / space.width) if space.width else 0.0
    x = space.x
    for one in areas:
        width = one / height if height else 0.0
        row.append(Rect(x, space.y, width, height))
        x += width
    return row, Rect(space.x, space.y + height, space.width, space.height - height)

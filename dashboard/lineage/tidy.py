"""A tidy tree that reads from left to right, in linear time.

Columns are generations. A box takes one column, or several in a row (a block of leaves); its height is free.
Every subtree is as close to its neighbours as their outlines allow, parents stand in the middle of their
children, and small subtrees between large ones float to the middle instead of sticking to one side.

How: a subtree's outline is a linked list, one cell per column, that holds the step from the column before.
Two outlines are compared over the columns that both have, so joining costs the *shallower* of the two; summed
over a tree that is linear (each step is paid by the end of a shallower subtree). Children are placed twice,
once each as high and once each as low as possible. Every rule is of the form "this one stands at least so far
below that one", so the average of two valid placements is valid too, and it is the balanced one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# (step from the column before, the next column); the first step counts from the subtree's own middle.
Outline = tuple[float, "Outline | None"]


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the boxes of one tree stand.

    Attributes:
        middle: box -> y of its middle; the root's is 0.
        column: box -> its first column; the root's is 0.
        top, bottom: the extent of the whole tree.
        columns: how many columns it takes.
    """

    middle: dict[int, float]
    column: dict[int, int]
    top: float
    bottom: float
    columns: int


def tidy(
    root: int,
    children: Sequence[Sequence[int]],
    heights: Sequence[float],
    spans: Sequence[int],
    gap: float,
) -> Placement:
    """Place the tree under ``root``; boxes are indices, ``children`` are from top to bottom.

    ``spans`` (columns taken) may exceed 1 for leaves only: a wide box would cover its own children.
    """
    order = _parents_first(root, children)
    offset: dict[int, float] = {}
    tops: dict[int, Outline] = {}
    bottoms: dict[int, Outline] = {}
    for box in reversed(order):
        half = heights[box] / 2
        kids = children[box]
        if not kids:
            tops[box] = _flat(-half, spans[box])
            bottoms[box] = _flat(half, spans[box])
            continue
        places = _stack([tops[kid] for kid in kids], [bottoms[kid] for kid in kids], gap)
        for kid, place in zip(kids, places, strict=True):
            offset[kid] = place
        top = _joined([_moved(tops.pop(kid), offset[kid]) for kid in reversed(kids)])
        bottom = _joined([_moved(bottoms.pop(kid), offset[kid]) for kid in kids])
        tops[box] = (-half, _moved(top, half))
        bottoms[box] = (half, _moved(bottom, -half))
    return _absolute(root, order, children, heights, spans, offset)


def _parents_first(root: int, children: Sequence[Sequence[int]]) -> list[int]:
    order = [root]
    for box in order:
        order.extend(children[box])
    return order


def _stack(tops: list[Outline], bottoms: list[Outline], gap: float) -> list[float]:
    """Return each child's offset from the middle of all of them."""
    count = len(tops)
    high = [0.0] * count
    skyline = bottoms[0]
    for i in range(1, count):
        high[i] = _apart(skyline, tops[i]) + gap
        skyline = _over(_moved(bottoms[i], high[i]), skyline)
    low = list(high)
    skyline = _moved(tops[-1], low[-1])
    for i in range(count - 2, -1, -1):
        low[i] = -_apart(bottoms[i], skyline) - gap
        skyline = _over(_moved(tops[i], low[i]), skyline)
    middle = high[-1] / 2 + (high[0] + low[0]) / 4
    return [(up + down) / 2 - middle for up, down in zip(high, low, strict=True)]


def _flat(y: float, span: int) -> Outline:
    cell: Outline | None = None
    for _ in range(span - 1):
        cell = (0.0, cell)
    return (y, cell)


def _moved(outline: Outline, by: float) -> Outline:
    return (outline[0] + by, outline[1])


def _apart(upper: Outline, lower: Outline) -> float:
    """Return how far ``lower`` must move down to touch ``upper`` and not cross it."""
    a: Outline | None = upper
    b: Outline | None = lower
    y = 0.0
    most = float("-inf")
    while a is not None and b is not None:
        y += a[0] - b[0]
        most = max(most, y)
        a, b = a[1], b[1]
    return most


def _over(front: Outline, behind: Outline) -> Outline:
    """Return ``front`` where it has columns, and ``behind`` beyond; costs the shallower of the two."""
    steps: list[float] = []
    a: Outline | None = front
    b: Outline | None = behind
    y = 0.0
    while a is not None and b is not None:
        steps.append(a[0])
        y += b[0] - a[0]
        a, b = a[1], b[1]
    if b is None:
        return front
    joined: Outline = (y + b[0], b[1])
    for step in reversed(steps):
        joined = (step, joined)
    return joined


def _joined(outlines: list[Outline]) -> Outline:
    """Join outlines of which a later one hides the earlier ones."""
    joined = outlines[0]
    for outline in outlines[1:]:
        joined = _over(outline, joined)
    return joined


def _absolute(
    root: int,
    order: list[int],
    children: Sequence[Sequence[int]],
    heights: Sequence[float],
    spans: Sequence[int],
    offset: dict[int, float],
) -> Placement:
    middle = {root: 0.0}
    column = {root: 0}
    top = bottom = 0.0
    columns = 1
    for box in order:
        y, first = middle[box], column[box]
        top = min(top, y - heights[box] / 2)
        bottom = max(bottom, y + heights[box] / 2)
        columns = max(columns, first + spans[box])
        for kid in children[box]:
            middle[kid] = y + offset[kid]
            column[kid] = first + 1
    return Placement(middle, column, top, bottom, columns)

"""Two stacks of layers side by side, drawn as two core samples that are one as far as they are the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.figures import Slice, hue
from dashboard.queries.compare import Pair, Side
from dashboard.templatetags.strata import slices
from worker.engine.compare import LayersInCommon
from worker.models import ImageLayer

WIDTH = 320
COLUMN = 120
_HEIGHT = 360
_MOST = 1200
_SLIVER = 5.0
_GAP = 1.5


@dataclass(frozen=True, slots=True)
class Block:
    """A layer in the drawing: a rectangle in the left or right column, or across both."""

    x: float
    y: float
    width: float
    height: float
    hue: int
    title: str
    diff_id: str


@dataclass(frozen=True, slots=True)
class Band:
    """What joins a layer that both have, above where they part: points of a polygon."""

    points: str
    hue: int
    title: str


@dataclass(frozen=True, slots=True)
class Drawing:
    """Both cores, base at the bottom."""

    blocks: tuple[Block, ...]
    bands: tuple[Band, ...]
    width: int
    height: float


@dataclass(frozen=True, slots=True)
class LayerRow:
    """A layer of either image, or of both.

    Attributes:
        before, after: places in the two, from 1; None where it is not.
        common: ``base``: in both, on the same layers; ``moved``: in both, on others; empty: in one.
    """

    row: ImageLayer
    before: int | None
    after: int | None
    common: str


def layer_rows(pair: Pair, common: LayersInCommon) -> list[LayerRow]:
    """Return the layers of both from the top: first those of the second, then those of the first alone."""
    moved = {there: here for here, there in common.moved}
    rows = [
        LayerRow(row, moved[row.position] + 1, row.position + 1, "moved")
        if row.position in moved
        else LayerRow(row, None, row.position + 1, "")
        for row in reversed(pair.b.stack[common.base :])
    ]
    there = {here for here, _ in common.moved}
    rows += [
        LayerRow(row, row.position + 1, None, "")
        for row in reversed(pair.a.stack[common.base :])
        if row.position not in there
    ]
    shared = reversed(pair.a.stack[: common.base])
    return [*rows, *(LayerRow(row, row.position + 1, row.position + 1, "base") for row in shared)]


def draw(pair: Pair, common: LayersInCommon) -> Drawing:
    """Draw both to one scale."""
    left, right = _slices(pair.a, pair.b)
    most = max(sum(one.size for one in left), sum(one.size for one in right), 1)
    scale = _HEIGHT / most
    # So many slivers that the drawing would get too high get thinner.
    sliver = min(_SLIVER, _MOST / max(len(left), len(right), 1))
    heights = [[max(sliver, one.size * scale) for one in side] for side in (left, right)]
    total = max(sum(heights[0]), sum(heights[1]), 1.0)
    blocks: list[Block] = []
    places: list[dict[int, tuple[float, float]]] = [{}, {}]
    for side, (pieces, lengths) in enumerate(zip((left, right), heights, strict=True)):
        y = total
        for position, (piece, length) in enumerate(zip(pieces, lengths, strict=True)):
            y -= length
            places[side][position] = (y, length)
            if position < common.base and side:
                continue  # drawn once, across both
            joined = position < common.base
            blocks.append(_block(piece, side, y, length, joined=joined))
    bands = tuple(_band(left[here], places[0][here], places[1][there]) for here, there in common.moved)
    return Drawing(tuple(blocks), bands, WIDTH, round(total, 2))


def _slices(a: Side, b: Side) -> tuple[list[Slice], list[Slice]]:
    """Both on one scale: unpacked bytes only if they are known of all."""
    together = slices([*a.stack, *b.stack])
    return together[: len(a.stack)], together[len(a.stack) :]


def _block(piece: Slice, side: int, y: float, height: float, *, joined: bool) -> Block:
    gap = min(_GAP, height / 4)
    return Block(
        x=0 if joined or not side else WIDTH - COLUMN,
        y=round(y, 2),
        width=WIDTH if joined else COLUMN,
        height=round(height - gap, 2),
        hue=hue(piece.diff_id),
        title=piece.title,
        diff_id=piece.diff_id,
    )


def _band(piece: Slice, left: tuple[float, float], right: tuple[float, float]) -> Band:
    corners: Sequence[tuple[float, float]] = (
        (COLUMN, left[0]),
        (WIDTH - COLUMN, right[0]),
        (WIDTH - COLUMN, right[0] + right[1]),
        (COLUMN, left[0] + left[1]),
    )
    return Band(" ".join(f"{x:g},{y:.2f}" for x, y in corners), hue(piece.diff_id), piece.title)

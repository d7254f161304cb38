"""A treemap as boxes with labels that fit, ready for a template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboard import figures
from dashboard.weight.treemap import Rect, squarify

_CHARACTER = 6.6  # px of a label's character, on average and a little more
_PADDING = 7.0
_HEAD = 20.0  # px for the name of a box that has boxes in it
_LINE = 15.0
_LEAST_LABEL = 3  # characters, or there is none
_GAP = 1.5
_LEAST_BOX = 2.0  # px: what is thinner cannot be seen
_ROOM_FOR_MORE = (54.0, 46.0)


@dataclass(frozen=True, slots=True)
class Piece:
    """What a box stands for.

    Attributes:
        name: Empty for a rest that only takes its room.
        size: Bytes.
        hue: Step of a layer's hue; None for what has no colour of its own.
        address: Where the box leads; empty: nowhere.
        title: All that there is to say.
    """

    name: str
    size: int
    hue: int | None
    address: str = ""
    title: str = ""
    inner: tuple[Piece, ...] = ()


@dataclass(frozen=True, slots=True)
class Box:
    """A piece in its place. Texts that do not fit are empty."""

    piece: Piece
    rect: Rect
    label: str
    label_size: str
    inner: tuple[Box, ...] = ()

    @property
    def x(self) -> float:
        return round(self.rect.x, 2)

    @property
    def y(self) -> float:
        return round(self.rect.y, 2)

    @property
    def width(self) -> float:
        return round(max(0.0, self.rect.width - _GAP), 2)

    @property
    def height(self) -> float:
        return round(max(0.0, self.rect.height - _GAP), 2)

    @property
    def text_x(self) -> float:
        return round(self.rect.x + _PADDING, 2)

    @property
    def text_y(self) -> float:
        return round(self.rect.y + _LINE, 2)

    @property
    def size_y(self) -> float:
        return round(self.rect.y + 2 * _LINE, 2)


@dataclass(frozen=True, slots=True)
class Drawing:
    """All boxes, in px; large ones first, so that small ones are above them."""

    width: int
    height: int
    boxes: tuple[Box, ...]


def draw(pieces: Sequence[Piece], width: int, height: int) -> Drawing:
    """Draw pieces, the heaviest first, areas to scale; what would be too small to be seen is left out."""
    return Drawing(width, height, _boxes(pieces, Rect(0.0, 0.0, float(width), float(height))))


def _boxes(pieces: Sequence[Piece], space: Rect) -> tuple[Box, ...]:
    named = sorted(
        (piece for piece in pieces if piece.name and piece.size > 0), key=lambda piece: -piece.size
    )
    total = sum(piece.size for piece in pieces)
    # What is a rest has no name: its room is taken away first, for beside it small boxes would be flat.
    space = _share(space, sum(piece.size for piece in named) / total) if total else space
    rects = squarify([piece.size for piece in named], space)
    return tuple(
        _box(piece, rect)
        for piece, rect in zip(named, rects, strict=True)
        if min(rect.width, rect.height) >= _LEAST_BOX
    )


def _share(space: Rect, share: float) -> Rect:
    """The beginning of ``space`` along its longer side."""
    if space.width >= space.height:
        return Rect(space.x, space.y, space.width * share, space.height)
    return Rect(space.x, space.y, space.width, space.height * share)


def _box(piece: Piece, rect: Rect) -> Box:
    wide, high = _ROOM_FOR_MORE
    inner: tuple[Box, ...] = ()
    if piece.inner and rect.width >= wide and rect.height >= high:
        inner = _boxes(piece.inner, rect.inset(4.0, _HEAD + 1))
    room = int((rect.width - 2 * _PADDING) / _CHARACTER)
    if rect.height < _HEAD or room < _LEAST_LABEL:
        return Box(piece, rect, "", "", inner)
    label = _fitted(piece.name, room)
    size = figures.size(piece.size)
    if inner:  # beside the name, or not at all
        return Box(
            piece, rect, f"{label}  {size}" if len(label) + len(size) + 2 <= room else label, "", inner
        )
    below = size if rect.height >= 2 * _LINE + 6 and len(size) <= room else ""
    return Box(piece, rect, label, below, inner)


def _fitted(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - 1] + "…"

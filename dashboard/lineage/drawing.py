"""Where everything of a family tree stands on the sheet, as values; nothing here knows SVG.

Generations are columns from left to right. The leaves of one parent, when there are many, stand together in
a block of several columns behind one edge: a family of 200 stays a picture instead of a strip. Families
share the sheet like pictures on a wall; images that are related to nothing have a block of their own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import Enum

from dashboard.lineage.family import Families
from dashboard.lineage.packing import pack
from dashboard.lineage.tidy import tidy

MARGIN = 24.0
_ASPECT = 1.7


@dataclass(frozen=True, slots=True)
class Style:
    """The measures of one kind of drawing, in CSS pixels at zoom 1.

    Attributes:
        block_from: so many leaves of one parent make a block.
        block_aspect: how many times as wide as high a block is, about.
    """

    block_from: int
    block_aspect: float
    width: float
    height: float
    column_gap: float
    row_gap: float
    block_gap: float
    block_pad: float
    family_gap: float

    @property
    def pitch(self) -> float:
        return self.width + self.column_gap


ROOMY = Style(7, 1.7, 232, 68, 88, 36, 12, 14, 72)
CLOSE = Style(4, 2.2, 232, 68, 72, 18, 12, 14, 72)
TINY = Style(3, 4.0, 40, 12, 14, 2, 2, 2, 24)
#: The mark of a folded family, in the gap to the right of its root.
STUB = (54.0, 26.0)


class Part(Enum):
    """What a box of the layout is."""

    MEMBER = "member"
    MORE = "more"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class Node:
    """A member, and its upper left corner."""

    member: int
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class More:
    """Stands for members that are left out beneath ``parent`` (None: families that are left out).

    A ``stub`` is small and hangs at its parent, none of whose children are drawn.
    """

    parent: int | None
    x: float
    y: float
    stub: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """The frame around the leaves of one parent."""

    parent: int | None
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Edge:
    """From the right side of a parent to the left side of what stands on it."""

    x1: float
    y1: float
    x2: float
    y2: float


@dataclass(slots=True)
class Drawing:
    """A whole sheet; sizes in CSS pixels at zoom 1."""

    style: Style
    width: float = 0
    height: float = 0
    nodes: list[Node] = field(default_factory=list)
    more: list[More] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Box:
    """One box for the tidy tree: a member, a hint at hidden ones, or a block of leaves."""

    part: Part
    parent: int | None
    member: int = 0
    leaves: tuple[int, ...] = ()
    columns: int = 1


@dataclass(slots=True)
class _Boxes:
    """The boxes of one family as parallel lists, as the tidy tree wants them."""

    style: Style
    boxes: list[_Box] = field(default_factory=list)
    children: list[list[int]] = field(default_factory=list)
    heights: list[float] = field(default_factory=list)
    spans: list[int] = field(default_factory=list)

    def add(self, box: _Box) -> int:
        width, height = _extent(box, self.style)
        self.boxes.append(box)
        self.children.append([])
        self.heights.append(height)
        self.spans.append(max(1, math.ceil((width + self.style.column_gap) / self.style.pitch)))
        return len(self.boxes) - 1


def draw(forest: Families) -> Drawing:
    """Draw every member of ``forest`` with its name and bars."""
    return _draw(forest, ROOMY if len(forest.members) <= 16 else CLOSE)


def draw_tiny(forest: Families) -> Drawing:
    """Draw every member as a small mark: for thousands of them."""
    return _draw(forest, TINY)


def _draw(forest: Families, style: Style) -> Drawing:
    sheet = Drawing(style)
    families = [root for root in forest.roots if not forest.is_leaf(root)]
    families.sort(key=lambda root: -forest.below[root])
    alone = tuple(root for root in forest.roots if forest.is_leaf(root))
    sketches = [_family(forest, root, style) for root in families]
    if len(alone) >= style.block_from:
        sketches.append(_block_alone(alone, style))
    else:
        sketches.extend(_family(forest, root, style) for root in alone)
    if None in forest.hidden:
        sketches.append(_more_families(style))
    corners, (width, height) = pack(
        [(sketch.width, sketch.height) for sketch in sketches], aspect=_ASPECT, gap=style.family_gap
    )
    for sketch, (x, y) in zip(sketches, corners, strict=True):
        _paste(sketch, sheet, x + MARGIN, y + MARGIN)
    sheet.width, sheet.height = width + 2 * MARGIN, height + 2 * MARGIN
    return sheet


def _family(forest: Families, root: int, style: Style) -> Drawing:
    tree = _Boxes(style)
    queue = [tree.add(_Box(Part.MEMBER, None, root))]
    for at in queue:
        box = tree.boxes[at]
        if box.part is not Part.MEMBER:
            continue
        tree.children[at].extend(tree.add(kid) for kid in _standing_on(forest, box.member, style))
        queue.extend(tree.children[at])
    placed = tidy(0, tree.children, tree.heights, tree.spans, style.row_gap)
    sketch = Drawing(style, height=placed.bottom - placed.top)
    for at, box in enumerate(tree.boxes):
        x = placed.column[at] * style.pitch
        y = placed.middle[at] - placed.top
        _put(sketch, box, x, y - tree.heights[at] / 2)
        if box.part is Part.MEMBER and box.member in forest.hidden and not forest.children[box.member]:
            width, height = STUB
            left = x + style.width + style.column_gap - width - 4
            sketch.more.append(More(box.member, left, y - height / 2, stub=True))
            sketch.edges.append(Edge(x + style.width, y, left, y))
            sketch.width = max(sketch.width, left + width)
        sketch.width = max(sketch.width, x + _extent(box, style)[0])
        for kid in tree.children[at]:
            sketch.edges.append(
                Edge(x + style.width, y, placed.column[kid] * style.pitch, placed.middle[kid] - placed.top)
            )
    return sketch


def _standing_on(forest: Families, member: int, style: Style) -> list[_Box]:
    kids = forest.children[member]
    leaves = tuple(kid for kid in kids if forest.is_leaf(kid))
    # Children come with families first (family.py), so the leaves are the tail, but for folded ones.
    boxes = [_Box(Part.MEMBER, member, kid) for kid in kids if not forest.is_leaf(kid)]
    if len(leaves) >= style.block_from:
        boxes.append(_Box(Part.BLOCK, member, leaves=leaves, columns=_columns(len(leaves), style)))
    else:
        boxes.extend(_Box(Part.MEMBER, member, leaf) for leaf in leaves)
    if member in forest.hidden and kids:
        boxes.append(_Box(Part.MORE, member))
    return boxes


def _columns(count: int, style: Style) -> int:
    """Return how many columns give a block of ``count`` a pleasant shape."""
    cell = (style.width + style.block_gap) / (style.height + style.block_gap)
    return max(1, round(math.sqrt(count * style.block_aspect / cell)))


def _extent(box: _Box, style: Style) -> tuple[float, float]:
    if box.part is not Part.BLOCK:
        return style.width, style.height
    rows = math.ceil(len(box.leaves) / box.columns)
    gap, pad = style.block_gap, 2 * style.block_pad
    return (
        box.columns * (style.width + gap) - gap + pad,
        rows * (style.height + gap) - gap + pad,
    )


def _put(sketch: Drawing, box: _Box, x: float, y: float) -> None:
    if box.part is Part.MEMBER:
        sketch.nodes.append(Node(box.member, x, y))
    elif box.part is Part.MORE:
        sketch.more.append(More(box.parent, x, y))
    else:
        style = sketch.style
        width, height = _extent(box, style)
        sketch.blocks.append(Block(box.parent, x, y, width, height))
        rows = math.ceil(len(box.leaves) / box.columns)
        for i, leaf in enumerate(box.leaves):
            # Down the columns, as one reads a list of names.
            column, row = divmod(i, rows)
            sketch.nodes.append(
                Node(
                    leaf,
                    x + style.block_pad + column * (style.width + style.block_gap),
                    y + style.block_pad + row * (style.height + style.block_gap),
                )
            )


def _block_alone(alone: tuple[int, ...], style: Style) -> Drawing:
    box = _Box(Part.BLOCK, None, leaves=alone, columns=_columns(len(alone), style))
    width, height = _extent(box, style)
    sketch = Drawing(style, width, height)
    _put(sketch, box, 0, 0)
    return sketch


def _more_families(style: Style) -> Drawing:
    return Drawing(style, style.width, style.height, more=[More(None, 0, 0)])


def _paste(sketch: Drawing, sheet: Drawing, dx: float, dy: float) -> None:
    sheet.nodes += [Node(n.member, n.x + dx, n.y + dy) for n in sketch.nodes]
    sheet.more += [More(m.parent, m.x + dx, m.y + dy, m.stub) for m in sketch.more]
    sheet.blocks += [Block(b.parent, b.x + dx, b.y + dy, b.width, b.height) for b in sketch.blocks]
    sheet.edges += [Edge(e.x1 + dx, e.y1 + dy, e.x2 + dx, e.y2 + dy) for e in sketch.edges]

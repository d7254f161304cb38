"""Two texts side by side: line by line, and within lines that are alike, word by word.

Time and memory are bounded whatever the texts are: see the constants.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from worker.engine.compare.matching import Block, blocks, similarity

MAX_BYTES = 1 << 20
"""What is read of a file to be compared as text."""
MAX_LINES = 20_000
MAX_ROWS = 2_000
"""So many rows are laid out; the rest is counted."""
MAX_LINE = 2_000
"""So many characters of a line are laid out."""
MAX_WORDED = 400_000
"""So many characters of lines that changed are compared word by word."""
CONTEXT = 3
"""Equal lines that are shown around what differs."""

_ALIKE = 0.5
_PAIRS = 400  # lines of a block times lines that took their place, up to which the best pairs are looked for
_WORDS = re.compile(r"\w+|\s+|[^\w\s]")

RowKind = Literal["same", "changed", "added", "removed"]


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a line; ``changed`` if the other side's line has not got it."""

    text: str
    changed: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One side of a row.

    Attributes:
        number: From 1.
        pieces: Together the line, without its end.
        more: Characters that were left out.
    """

    number: int
    pieces: tuple[Piece, ...]
    more: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """A line of either text, or of both beside each other."""

    kind: RowKind
    before: Line | None
    after: Line | None


@dataclass(frozen=True, slots=True)
class Hunk:
    """Rows that follow each other in both texts; ``skipped`` equal lines were left out before it."""

    skipped: int
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class TextComparison:
    """Two texts, compared.

    Attributes:
        added, removed: Lines; one that changed counts as both.
        hunks: What differs, with a few equal lines around.
        left: Equal lines after the last hunk.
        cut: Rows that differ and were left out, because there are too many.
        open_ended: Whether each of them lacks the newline at its end.
    """

    hunks: tuple[Hunk, ...]
    added: int
    removed: int
    left: int = 0
    cut: int = 0
    open_ended: tuple[bool, bool] = (False, False)


def lines_of(text: str) -> list[str]:
    """A text's lines; those that end as DOS has it keep their carriage return, since that is a difference."""
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    return lines


def compare_texts(a: str, b: str) -> TextComparison | None:
    """Lay two texts out side by side; None if they have more than :data:`MAX_LINES` lines."""
    before, after = lines_of(a), lines_of(b)
    if max(len(before), len(after)) > MAX_LINES:
        return None
    found = blocks(before, after)
    changed = [block for block in found if not block.equal]
    layout = _Layout(before, after)
    for at, block in enumerate(found):
        if block.equal:
            layout.same(block, first=at == 0, last=at == len(found) - 1)
        else:
            layout.changed(block)
    hunks, left = layout.end()
    return TextComparison(
        hunks,
        added=sum(block.b_end - block.b_start for block in changed),
        removed=sum(block.a_end - block.a_start for block in changed),
        left=left,
        cut=layout.cut,
        open_ended=(_is_open(a), _is_open(b)),
    )


def compare_words(a: str, b: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """Tell which words of two lines the other one has not got."""
    if len(a) > MAX_LINE or len(b) > MAX_LINE:
        return (Piece(a, True),), (Piece(b, True),)
    before, after = _WORDS.findall(a), _WORDS.findall(b)
    left: list[Piece] = []
    right: list[Piece] = []
    for equal, a_start, a_end, b_start, b_end in blocks(before, after):
        if a_end > a_start:
            left.append(Piece("".join(before[a_start:a_end]), not equal))
        if b_end > b_start:
            right.append(Piece("".join(after[b_start:b_end]), not equal))
    return tuple(left), tuple(right)


class _Layout:
    """The rows of two texts, in the making."""

    def __init__(self, before: Sequence[str], after: Sequence[str]) -> None:
        self._before = before
        self._after = after
        self._hunks: list[Hunk] = []
        self._rows: list[Row] = []
        self._skipped = 0
        self._room = MAX_ROWS
        self._words = MAX_WORDED
        self.cut = 0

    def same(self, block: Block, *, first: bool, last: bool) -> None:
        """Add equal lines: those next to what differs, or all if they are few."""
        size = block.a_end - block.a_start
        head = 0 if first else min(CONTEXT, size)
        tail = 0 if last else min(CONTEXT, size - head)
        self._equal(block, 0, head)
        if size > head + tail:
            self._close()
            self._skipped += size - head - tail
        self._equal(block, size - tail, size)

    def changed(self, block: Block) -> None:
        """Add lines that differ, as far as there is room."""
        if self._room <= 0:
            self.cut += max(block.a_end - block.a_start, block.b_end - block.b_start)
            return
        rows = list(self._differing(block))
        self._rows += rows[: self._room]
        self.cut += max(0, len(rows) - self._room)
        self._room -= len(rows)

    def end(self) -> tuple[tuple[Hunk, ...], int]:
        """The hunks, and how many equal lines follow them."""
        self._close()
        return tuple(self._hunks), self._skipped

    def _close(self) -> None:
        if any(row.kind != "same" for row in self._rows):
            self._hunks.append(Hunk(self._skipped, tuple(self._rows)))
            self._skipped = 0
        else:
            self._skipped += len(self._rows)
        self._rows = []

    def _equal(self, block: Block, start: int, end: int) -> None:
        for offset in range(start, end):
            a, b = block.a_start + offset, block.b_start + offset
            self._rows.append(Row("same", _line(a, self._before[a]), _line(b, self._before[a])))

    def _differing(self, block: Block) -> Iterator[Row]:
        """Lines that are alike beside each other, the others alone, in order."""
        a, b = block.a_start, block.b_start
        for one, other in [*_pairs(self._before, self._after, block), (block.a_end, block.b_end)]:
            for at in range(a, one):
                yield Row("removed", _line(at, self._before[at]), None)
            for at in range(b, other):
                yield Row("added", None, _line(at, self._after[at]))
            if one < block.a_end and other < block.b_end:
                yield self._pair(one, other)
            a, b = one + 1, other + 1

    def _pair(self, one: int, other: int) -> Row:
        left, right = self._before[one], self._after[other]
        self._words -= len(left) + len(right)
        if self._words < 0:
            return Row("changed", _line(one, left), _line(other, right))
        pieces = compare_words(left, right)
        return Row("changed", Line(one + 1, pieces[0]), Line(other + 1, pieces[1]))


def _pairs(before: Sequence[str], after: Sequence[str], block: Block) -> list[tuple[int, int]]:
    """Which lines of a block are alike: pairs in order that are together as alike as can be."""
    height, width = block.a_end - block.a_start, block.b_end - block.b_start
    if not height or not width:
        return []
    if height * width > _PAIRS:
        pairs = zip(range(block.a_start, block.a_end), range(block.b_start, block.b_end), strict=False)
        return [(a, b) for a, b in pairs if _likeness(before[a], after[b])]
    likeness = [
        [_likeness(before[a], after[b]) for b in range(block.b_start, block.b_end)]
        for a in range(block.a_start, block.a_end)
    ]
    best = [[0.0] * (width + 1) for _ in range(height + 1)]
    for a in reversed(range(height)):
        for b in reversed(range(width)):
            taken = likeness[a][b] + best[a + 1][b + 1] if likeness[a][b] else 0.0
            best[a][b] = max(taken, best[a + 1][b], best[a][b + 1])
    pairs_found = []
    a = b = 0
    while a < height and b < width:
        if likeness[a][b] and best[a][b] == likeness[a][b] + best[a + 1][b + 1]:
            pairs_found.append((block.a_start + a, block.b_start + b))
            a, b = a + 1, b + 1
        elif best[a][b] == best[a + 1][b]:
            a += 1
        else:
            b += 1
    return pairs_found


def _likeness(a: str, b: str) -> float:
    if len(a) > MAX_LINE or len(b) > MAX_LINE:
        return 0.0
    found = similarity(a.strip(), b.strip())
    return found if found >= _ALIKE else 0.0


def _line(at: int, text: str) -> Line:
    return Line(at + 1, (Piece(text[:MAX_LINE]),), max(0, len(text) - MAX_LINE))


def _is_open(text: str) -> bool:
    return bool(text) and not text.endswith("\n")

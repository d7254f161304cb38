"""What two sequences have in common, in bounded time.

``difflib`` takes quadratic time and more for what a stranger can choose; a bit-parallel longest common
subsequence takes as many steps as there are pairs, divided by 64: a twentieth of a second for 20,000 lines
that have nothing to do with each other.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple

from rapidfuzz.distance import LCSseq


class Block(NamedTuple):
    """A stretch of two sequences, as slices of them: equal, or else one in the place of the other."""

    equal: bool
    a_start: int
    a_end: int
    b_start: int
    b_end: int


def blocks(a: Sequence[Hashable], b: Sequence[Hashable]) -> list[Block]:
    """Divide two sequences into stretches, in order; no two neighbours are of one kind."""
    start, a_end, b_end = _ends(a, b)
    # By number: the library looks at hashes alone.
    numbers: dict[Hashable, int] = {}
    middle_a = [numbers.setdefault(item, len(numbers)) for item in a[start:a_end]]
    middle_b = [numbers.setdefault(item, len(numbers)) for item in b[start:b_end]]
    found = [Block(True, 0, start, 0, start)] if start else []
    for code in LCSseq.opcodes(middle_a, middle_b):
        a_from, a_to = start + code.src_start, start + code.src_end
        b_from, b_to = start + code.dest_start, start + code.dest_end
        _add(found, Block(code.tag == "equal", a_from, a_to, b_from, b_to))
    _add(found, Block(True, a_end, len(a), b_end, len(b)))
    return found


def similarity(a: str, b: str) -> float:
    """How much of the longer of two texts is in the other one, in order: 0 to 1."""
    return LCSseq.normalized_similarity(a, b)


def _ends(a: Sequence[Hashable], b: Sequence[Hashable]) -> tuple[int, int, int]:
    """How far both are equal from the start, and from where on at their ends."""
    start, shorter = 0, min(len(a), len(b))
    while start < shorter and a[start] == b[start]:
        start += 1
    a_end, b_end = len(a), len(b)
    while a_end > start and b_end > start and a[a_end - 1] == b[b_end - 1]:
        a_end, b_end = a_end - 1, b_end - 1
    return start, a_end, b_end


def _add(found: list[Block], block: Block) -> None:
    if block.a_start == block.a_end and block.b_start == block.b_end:
        return
    if found and found[-1].equal == block.equal:
        last = found.pop()
        block = Block(block.equal, last.a_start, block.a_end, last.b_start, block.b_end)
    found.append(block)

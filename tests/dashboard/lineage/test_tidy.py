"""The tidy tree: nothing overlaps, parents stand in the middle, and it stays linear."""

from __future__ import annotations

import itertools
import sys
from collections import defaultdict
from types import FrameType
from typing import Any

import pytest
from hypothesis import given

from dashboard.lineage import tidy as module
from dashboard.lineage.tidy import Placement, tidy
from tests.dashboard.lineage.forests import Tree, binary, chain, comb, star, trees

GAP = 12.0


def place(tree: Tree) -> Placement:
    return tidy(0, tree.children, tree.heights, tree.spans, GAP)


def by_column(tree: Tree, placed: Placement) -> dict[int, list[int]]:
    """Boxes of each column, from top to bottom."""
    columns: dict[int, list[int]] = defaultdict(list)
    for box, first in placed.column.items():
        for column in range(first, first + tree.spans[box]):
            columns[column].append(box)
    for boxes in columns.values():
        boxes.sort(key=placed.middle.__getitem__)
    return columns


@given(trees())
def test_no_two_boxes_overlap(tree: Tree) -> None:
    """In every column, boxes keep at least the gap between them."""
    placed = place(tree)
    for boxes in by_column(tree, placed).values():
        for above, below in itertools.pairwise(boxes):
            room = (
                placed.middle[below] - placed.middle[above] - (tree.heights[above] + tree.heights[below]) / 2
            )
            # Siblings and cousins keep the gap; 1e-6 is for floating point.
            assert room >= GAP - 1e-6


@given(trees())
def test_every_box_has_a_place_and_children_stand_one_column_to_the_right(tree: Tree) -> None:
    placed = place(tree)
    assert placed.middle.keys() == placed.column.keys() == set(range(len(tree.children)))
    for box, kids in enumerate(tree.children):
        for kid in kids:
            assert placed.column[kid] == placed.column[box] + 1


@given(trees())
def test_a_parent_stands_in_the_middle_of_its_children_and_order_is_kept(tree: Tree) -> None:
    placed = place(tree)
    for box, kids in enumerate(tree.children):
        if kids:
            ys = [placed.middle[kid] for kid in kids]
            assert placed.middle[box] == pytest.approx((ys[0] + ys[-1]) / 2, abs=1e-6)
            assert ys == sorted(ys)


@given(trees())
def test_the_extent_holds_every_box_and_no_more(tree: Tree) -> None:
    placed = place(tree)
    tops = [placed.middle[box] - tree.heights[box] / 2 for box in placed.middle]
    bottoms = [placed.middle[box] + tree.heights[box] / 2 for box in placed.middle]
    assert placed.top == pytest.approx(min(tops))
    assert placed.bottom == pytest.approx(max(bottoms))
    assert placed.columns == max(placed.column[box] + tree.spans[box] for box in placed.column)


@given(trees(largest=25))
def test_a_mirrored_tree_gives_the_mirrored_picture(tree: Tree) -> None:
    """No side is favoured: turning the order of all children around turns the picture upside down."""
    mirrored = Tree(tuple(kids[::-1] for kids in tree.children), tree.heights, tree.spans)
    one, other = place(tree), place(mirrored)
    for box in one.middle:
        assert one.middle[box] == pytest.approx(-other.middle[box], abs=1e-6)


def test_a_small_subtree_between_two_large_ones_floats_in_the_middle() -> None:
    wide = (3, 4, 5)
    tree = Tree(((1, 2, 6), wide, (), (), (), (), (7, 8, 9), (), (), ()), (50.0,) * 10, (1,) * 10)
    placed = place(tree)
    assert placed.middle[2] == pytest.approx((placed.middle[1] + placed.middle[6]) / 2)


def test_leaves_of_one_parent_are_exactly_the_gap_apart() -> None:
    placed = place(star(5))
    ys = [placed.middle[box] for box in range(1, 5)]
    assert [b - a for a, b in itertools.pairwise(ys)] == [62.0, 62.0, 62.0]


def _steps(tree: Tree) -> int:
    """Count the lines that the module executes: exact, unlike a clock on a busy machine."""
    count = 0

    def line(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        if frame.f_code.co_filename != module.__file__:
            return None
        count += event == "line"
        return line

    before = sys.gettrace()
    sys.settrace(line)
    try:
        place(tree)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("shape", [chain, star, comb, binary])
def test_work_grows_linearly(shape: Any) -> None:
    """Four times the boxes take about four times the steps, whatever the shape."""
    small, large = _steps(shape(500)), _steps(shape(2000))
    assert large < small * 4.6


def test_a_very_deep_chain_needs_no_deep_stack() -> None:
    assert place(chain(20_000)).columns == 20_000

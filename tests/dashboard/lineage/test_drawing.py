"""The whole sheet: every member once, nothing on top of anything, and what is left out is said."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.lineage import Families, draw, draw_tiny, families, folded, matching, only_family
from dashboard.lineage.drawing import STUB, Drawing
from dashboard.lineage.family import shown
from tests.dashboard.lineage.forests import graph


@st.composite
def forests(draw_: st.DrawFn) -> Families:
    count = draw_(st.integers(0, 80))
    parents: list[int | None] = []
    for i in range(count):
        reach = draw_(st.sampled_from([1, 5, 80]))
        parents.append(draw_(st.one_of(st.none(), st.integers(max(1, i - reach), i))) if i else None)
    return families(graph(parents))


def rectangles(drawing: Drawing) -> list[tuple[float, float, float, float]]:
    style = drawing.style
    boxes = [(n.x, n.y, n.x + style.width, n.y + style.height) for n in drawing.nodes]
    for more in drawing.more:
        width, height = STUB if more.stub else (style.width, style.height)
        boxes.append((more.x, more.y, more.x + width, more.y + height))
    return boxes


def assert_apart(drawing: Drawing) -> None:
    boxes = sorted(rectangles(drawing))
    for i, (_, top, right, bottom) in enumerate(boxes):
        for other in boxes[i + 1 :]:
            if other[0] >= right:
                break
            assert bottom < other[1] or other[3] < top


@given(forests(), st.sampled_from([draw, draw_tiny]))
@settings(deadline=None)
def test_every_member_stands_on_the_sheet_once_and_overlaps_none(forest: Families, how) -> None:
    drawing = how(forest)
    assert sorted(node.member for node in drawing.nodes) == sorted(forest.members)
    assert_apart(drawing)
    for left, top, right, bottom in rectangles(drawing):
        assert left >= 0
        assert top >= 0
        assert right <= drawing.width
        assert bottom <= drawing.height


@given(forests())
@settings(deadline=None)
def test_frames_hold_leaves_of_their_parent_and_nothing_else(forest: Families) -> None:
    drawing = draw(forest)
    style = drawing.style
    for block in drawing.blocks:
        inside = [
            node.member
            for node in drawing.nodes
            if block.x < node.x + style.width
            and node.x < block.x + block.width
            and block.y < node.y + style.height
            and node.y < block.y + block.height
        ]
        assert inside
        assert all(forest.members[member].parent == block.parent for member in inside)
        assert not any(forest.children[member] for member in inside)


@given(forests())
def test_an_edge_joins_every_member_or_its_frame_to_its_parent(forest: Families) -> None:
    drawing = draw(forest)
    framed = {block.parent for block in drawing.blocks}
    expected = sum(
        1 for member in forest.members.values() if member.parent is not None and member.parent not in framed
    ) + sum(
        1 + sum(1 for kid in forest.children[parent] if forest.children[kid])
        for parent in framed
        if parent is not None
    )
    assert len(drawing.edges) == expected


@given(forests(), st.integers(1, 30))
def test_folding_keeps_to_its_bound_and_accounts_for_everything(forest: Families, most: int) -> None:
    """What is drawn and what is said to be left out add up to all."""
    smaller = folded(forest, most)
    assert len(smaller.members) <= most
    for member in smaller.members.values():
        assert member.parent is None or member.parent in smaller.members
    left_out = sum(hidden.members for hidden in smaller.hidden.values())
    assert len(smaller.members) + left_out == len(forest.members)
    drawn = draw(smaller)
    assert_apart(drawn)
    assert {more.parent for more in drawn.more} == set(smaller.hidden)


def test_every_child_of_a_huge_family_is_on_some_page() -> None:
    forest = families(graph([None, *[1] * 1000]))
    seen: set[int] = set()
    while len(seen) < 1000:
        page = folded(forest, 202, focus=1, start=len(seen)).children[1]
        assert page
        assert not seen.intersection(page)
        seen.update(page)
    assert seen == set(range(2, 1002))


def test_a_family_is_the_line_of_its_ancestors_and_everything_on_it() -> None:
    """1 <- 2 <- 3 <- 4, with 5 beside 2 and 6 beside 3."""
    forest = only_family(families(graph([None, 1, 2, 3, 1, 2])), 3)
    assert set(forest.members) == {1, 2, 3, 4}


def test_a_filter_keeps_what_matches_and_shows_its_ancestors_as_context() -> None:
    forest = matching(families(graph([None, 1, 2, 1])), lambda member: member.id == 3)
    assert {key: member.matched for key, member in forest.members.items()} == {1: False, 2: False, 3: True}


def test_twins_are_one_member_with_both_names() -> None:
    forest = families(graph([None, 1, 1], twins={3: 2}))
    assert set(forest.members) == {1, 2}
    assert forest.members[2].ids == (2, 3)
    assert forest.members[2].names == ("team/image2:1", "team/image3:1")
    assert forest.find(3) == 2
    assert forest.below[1] == 1


def test_a_member_adds_what_its_parent_lacks() -> None:
    child = families(graph([None, 1])).members[2]
    assert (child.added, child.added_layers, child.unpacked) == (150 + 100, 1, True)


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("docker.io/library/debian:bookworm", "debian:bookworm"),
        ("docker.io/grafana/grafana:11", "grafana/grafana:11"),
        ("localhost:5000/php:8", "php:8"),
    ],
)
def test_names_are_shown_without_their_registry(name: str, short: str) -> None:
    assert shown(name) == short


def test_300_images_of_one_base_make_a_picture_and_not_a_strip() -> None:
    drawing = draw(families(graph([None, *[1] * 299])))
    assert 0.8 < drawing.width / drawing.height < 3


def test_300_unrelated_images_make_a_picture_and_not_a_strip() -> None:
    drawing = draw(families(graph([None] * 300)))
    assert 0.8 < drawing.width / drawing.height < 3


def test_no_images_make_an_empty_sheet() -> None:
    assert draw(families(graph([]))).nodes == []

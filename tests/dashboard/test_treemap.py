"""Treemaps: areas to scale, nothing over anything else, labels that fit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.templatetags.weight import percent
from dashboard.weight import Piece, Rect, draw, squarify

WEIGHTS = st.lists(st.integers(1, 10**12), min_size=1, max_size=60)


@given(WEIGHTS)
def test_areas_are_as_weights_and_fill_the_space(weights: list[int]) -> None:
    weights.sort(reverse=True)
    space = Rect(3, 5, 400, 250)
    rects = squarify(weights, space)

    total = sum(weights)
    for weight, rect in zip(weights, rects, strict=True):
        assert rect.width * rect.height == pytest.approx(100_000 * weight / total, rel=1e-6, abs=1e-6)
        assert rect.x >= 3 - 1e-6
        assert rect.y >= 5 - 1e-6
        assert rect.x + rect.width <= 403 + 1e-6
        assert rect.y + rect.height <= 255 + 1e-6


@given(st.lists(st.integers(1, 1000), min_size=2, max_size=25))
def test_no_two_overlap(weights: list[int]) -> None:
    rects = squarify(sorted(weights, reverse=True), Rect(0, 0, 300, 200))

    for at, one in enumerate(rects):
        for other in rects[at + 1 :]:
            apart_x = min(one.x + one.width, other.x + other.width) - max(one.x, other.x) <= 1e-6
            apart_y = min(one.y + one.height, other.y + other.height) - max(one.y, other.y) <= 1e-6
            assert apart_x or apart_y


def test_the_example_of_the_paper_is_laid_out_as_there() -> None:
    """Bruls, Huizing, van Wijk: 6, 6, 4, 3, 2, 2, 1 in a rectangle of 6 by 4."""
    rects = squarify([6, 6, 4, 3, 2, 2, 1], Rect(0, 0, 6, 4))

    assert [(round(one.width, 2), round(one.height, 2)) for one in rects[:4]] == [
        (3, 2), (3, 2), (1.71, 2.33), (1.29, 2.33),
    ]  # fmt: skip


def test_nothing_and_no_room_draw_nothing() -> None:
    assert squarify([], Rect(0, 0, 10, 10)) == []
    assert draw([], 100, 100).boxes == ()
    assert draw([Piece("a", 0, 1)], 100, 100).boxes == ()


def test_labels_are_no_longer_than_their_box() -> None:
    drawing = draw([Piece("a" * 300, 50, 1), Piece("b" * 300, 3, 2), Piece("c", 1, 3)], 300, 100)

    for box in drawing.boxes:
        assert len(box.label) * 6.6 <= box.rect.width
    assert drawing.boxes[0].label.endswith("…")


def test_what_is_in_a_box_is_inside_of_it_and_to_scale() -> None:
    inner = (Piece("x", 60, 1), Piece("", 40, None))
    (box,) = draw([Piece("d/", 100, 1, inner=inner)], 400, 300).boxes
    (first,) = box.inner  # a rest takes its room, and is no box

    assert first.piece.name == "x"
    room = box.rect.inset(4.0, 21)
    assert first.rect.width * first.rect.height == pytest.approx(0.6 * room.width * room.height)
    assert first.rect.x >= box.rect.x
    assert first.rect.y > box.rect.y


def test_a_large_rest_does_not_flatten_the_boxes_beside_it() -> None:
    inner = (*(Piece(f"f{size}", size, 1) for size in range(31, 19, -1)), Piece("", 3000, None))
    (box,) = draw([Piece("d/", sum(one.size for one in inner), 1, inner=inner)], 1080, 420).boxes

    assert len(box.inner) == 12
    for one in box.inner:
        assert max(one.rect.width, one.rect.height) < 3 * min(one.rect.width, one.rect.height)


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (0.9844212134184309, "98.4 %"), (1, "100 %"), (1.0, "100 %"), (0.99999, "99.9 %"), (0.00001, "0.1 %"),
        (0, "0 %"), (0.5, "50 %"), (12.5, "1,250 %"), (float("inf"), "∞"),
    ],
)  # fmt: skip
def test_ratios_never_say_all_or_nothing_of_what_is_not(ratio: float, text: str) -> None:
    assert percent(ratio) == text

"""Rectangles on one sheet: none overlap, the sheet holds them, and its shape is sensible."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dashboard.lineage.packing import Size, pack

rectangles = st.lists(st.tuples(st.floats(10, 2000), st.floats(10, 2000)), max_size=40)


@given(rectangles)
def test_nothing_overlaps_and_everything_is_on_the_sheet(sizes: list[Size]) -> None:
    corners, (width, height) = pack(sizes, aspect=1.6, gap=20)
    placed = [(x, y, x + w, y + h) for (x, y), (w, h) in zip(corners, sizes, strict=True)]
    for i, (left, top, right, bottom) in enumerate(placed):
        assert right <= width + 1e-6
        assert bottom <= height + 1e-6
        for other in placed[i + 1 :]:
            # At least the gap apart; floating point takes a little of it.
            assert (
                right + 19.9 < other[0]
                or other[2] + 19.9 < left
                or bottom + 19.9 < other[1]
                or other[3] + 19.9 < top
            )


def test_many_equal_parts_make_a_sheet_of_about_the_wanted_shape() -> None:
    _, (width, height) = pack([(200, 60)] * 300, aspect=1.6, gap=20)
    assert 1.2 < width / height < 2.0


def test_an_empty_sheet_has_no_size() -> None:
    assert pack([], aspect=1.6, gap=20) == ([], (0.0, 0.0))

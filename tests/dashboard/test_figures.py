"""How numbers, times and layers are written and drawn."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.figures import HUES, SLIVER, Slice, bars, hue, relative, share_out, size

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (244, "244 B"),
        (1023, "1023 B"),
        (1024, "1.00 KiB"),
        (4608, "4.50 KiB"),
        (63_333_990, "60.4 MiB"),
        (163 * 2**20, "163 MiB"),
        (1023 * 2**20, "0.999 GiB"),
        (1_717_986_918, "1.60 GiB"),
        (2**60, "1.00 EiB"),
        (5000 * 2**60, "5000 EiB"),
    ],
)
def test_sizes_have_three_significant_digits_in_binary_units(count: int, text: str) -> None:
    assert size(count) == text


@given(st.integers(1024, 2**63))
def test_a_size_never_shows_more_than_three_significant_digits(count: int) -> None:
    digits = size(count).split(" ")[0].replace(".", "").lstrip("0")
    assert len(digits) == 3


@pytest.mark.parametrize(
    ("ago", "text"),
    [
        (timedelta(seconds=1), "just now"),
        (timedelta(seconds=59), "59 s ago"),
        (timedelta(minutes=3), "3 min ago"),
        (timedelta(hours=23), "23 h ago"),
        (timedelta(days=1), "yesterday"),
        (timedelta(days=44), "44 days ago"),
        (timedelta(days=45), "10 Oct 2026"),
        (timedelta(minutes=-5), "in 5 min"),
        (timedelta(days=-1), "in 1 day"),
    ],
)
def test_times_are_relative_until_a_date_says_more(ago: timedelta, text: str) -> None:
    assert relative(NOW - ago, NOW) == text


@pytest.mark.parametrize(
    ("digits", "step"), [("0000", 0), ("ffff", 35), ("8000", 18), ("071c", 0), ("071d", 1)]
)
def test_the_hue_is_the_first_16_bits_of_the_diff_id_in_36_steps(digits: str, step: int) -> None:
    assert hue(f"sha256:{digits}{'0' * 60}") == step < HUES


@given(st.lists(st.integers(0, 2**40), min_size=1, max_size=200), st.floats(50, 2000))
def test_shares_fill_the_drawing_and_none_is_invisible(sizes: list[int], total: float) -> None:
    lengths = share_out(sizes, total)
    assert sum(lengths) == pytest.approx(total)
    assert min(lengths) >= min(SLIVER, total / 2 / len(sizes)) - 1e-9


@given(st.lists(st.integers(0, 2**40), min_size=2, max_size=60))
def test_a_larger_layer_is_never_drawn_smaller(sizes: list[int]) -> None:
    lengths = share_out(sizes, 300)
    ordered = sorted(zip(sizes, lengths, strict=True))
    assert all(first[1] <= second[1] + 1e-9 for first, second in itertools.pairwise(ordered))


def test_a_sliver_beside_a_giant_is_five_pixels_wide() -> None:
    assert share_out([10**12, 1], 300) == [295, SLIVER]


def test_127_layers_fit_and_follow_each_other_without_overlap() -> None:
    drawn = bars([Slice(f"sha256:{index:064x}", index) for index in range(127)], 300)
    assert len(drawn) == 127
    assert all(a.start + a.length <= b.start + 0.011 for a, b in itertools.pairwise(drawn))
    assert drawn[-1].start + drawn[-1].length == pytest.approx(300, abs=0.02)


def test_an_image_of_empty_layers_is_drawn_in_equal_parts() -> None:
    assert share_out([0, 0], 300) == [150, 150]

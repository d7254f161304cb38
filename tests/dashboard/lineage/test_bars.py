"""Bars to scale: they fill their width, none is invisible, and larger is never shorter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.lineage.bars import bars

sizes = st.lists(st.one_of(st.just(0), st.integers(0, 2**20), st.integers(2**30, 2**45)), max_size=130)


@given(sizes)
def test_bars_fill_the_width_in_order(sizes: list[int]) -> None:
    placed = bars(sizes, 200)
    assert len(placed) == len(sizes)
    if placed:
        assert placed[0][0] == 0
        assert sum(placed[-1]) == pytest.approx(200)
        for (x, length), (following, _) in zip(placed, placed[1:], strict=False):
            assert x + length < following


@given(st.lists(st.integers(0, 2**45), min_size=1, max_size=15))
def test_no_bar_is_thinner_than_the_least(sizes: list[int]) -> None:
    assert all(length >= 5 - 1e-9 for _, length in bars(sizes, 200))


@given(sizes)
def test_a_larger_layer_never_has_a_shorter_bar(sizes: list[int]) -> None:
    lengths = [length for _, length in sorted(zip(sizes, (b[1] for b in bars(sizes, 200)), strict=True))]
    assert all(a <= b + 1e-6 for a, b in zip(lengths, lengths[1:], strict=False))


def test_lengths_are_proportional_where_nothing_is_tiny() -> None:
    (_, a), (_, b) = bars([100, 300], 401.5)
    assert (a, b) == (100, 300)


def test_127_layers_all_show() -> None:
    assert all(length > 0.5 for _, length in bars([10**9, *[1] * 126], 200))


def test_sizes_that_are_all_unknown_get_equal_bars() -> None:
    lengths = [length for _, length in bars([0, 0, 0, 0], 204.5)]
    assert lengths == pytest.approx([50.0] * 4)

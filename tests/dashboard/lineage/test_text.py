"""Names are cut before they leave their box."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dashboard.lineage.text import clip, clip_middle, length


@given(st.text(max_size=300), st.floats(30, 400))
def test_a_clipped_text_fits(text: str, room: float) -> None:
    assert length(clip(text, 14, room), 14) <= room
    assert length(clip_middle(text, 14, room), 14) <= room


def test_a_text_that_fits_is_left_alone() -> None:
    assert clip("debian:bookworm", 14, 200) == "debian:bookworm"
    assert clip_middle("debian:bookworm", 14, 200) == "debian:bookworm"


def test_a_long_name_keeps_its_end_which_tells_it_from_others() -> None:
    name = "registry.example.org/team/" + "deep/" * 40 + "service:2026.11"
    shown = clip_middle(name, 14, 200)
    assert shown.startswith("registry")
    assert shown.endswith("2026.11")
    assert "…" in shown


def test_the_ellipsis_stands_at_the_cut() -> None:
    assert clip("a" * 100, 10, 60).endswith("a…")


def test_wide_scripts_count_as_wide() -> None:
    assert length("漢字", 10) > length("aa", 10)

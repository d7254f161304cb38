"""The colours of both themes, measured against WCAG 2.2 AA."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TOKENS = (Path(__file__).parents[2] / "dashboard/static/css/tokens.css").read_text()
COLOURS = {
    name: pair
    for name, *pair in re.findall(r"--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", TOKENS)
}
GROUNDS = ("ground", "surface", "surface-sunk")
TEXT, PART = 4.5, 3.0

PAIRS = [
    *((ink, ground, TEXT) for ink in ("ink", "ink-soft") for ground in (*GROUNDS, "accent-wash")),
    *((ink, f"{ink}-wash", TEXT) for ink in ("accent", "good", "warn", "bad")),
    *((ink, ground, TEXT) for ink in ("accent", "good", "warn", "bad") for ground in ("ground", "surface")),
    *((ink, wash, TEXT) for ink in ("ink", "ink-soft") for wash in ("good-wash", "warn-wash", "bad-wash")),
    ("accent-ink", "accent", TEXT),
    ("accent-ink", "accent-strong", TEXT),
    ("edge", "ground", PART),
    ("edge", "surface", PART),
    ("accent", "ground", PART),
]


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_the_formula_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("front", "back", "least"), PAIRS)
def test_text_and_parts_stand_out(front: str, back: str, least: float, theme: int) -> None:
    measured = contrast(COLOURS[front][theme], COLOURS[back][theme])
    assert measured >= least, f"{front} on {back}: {measured:.2f}"

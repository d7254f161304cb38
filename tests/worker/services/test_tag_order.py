"""The order of tags: what people look for first stands first."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.services.tag_order import after, newest_first, search

ORDERED = [
    "latest",
    "20",
    "10",
    "v4.0.0",
    "v4.0.0-rc1",
    "3",
    "3-alpine",
    "3.14-rc",
    "3.14.0b2",
    "3.13",
    "3.13-alpine",
    "3.13-alpine3.20",
    "3.13-alpine3.9",
    "3.13-slim",
    "3.13.10",
    "3.13.2",
    "3.13.2-slim",
    "3.9",
    "1.0.0",
    "1.0.0-beta.2",
    "20250101",
    "20240923",
    "2024-01-02",
    "bookworm",
    "bookworm-20241110",
    "bookworm-20240110",
    "bookworm-slim",
    "edge",
    "main",
    "0a1b2c3d",
    "sha-0a1b2c3",
    f"sha256-{'0a' * 32}",
    f"sha256-{'0a' * 32}.sig",
]


def test_the_newest_version_is_the_first_and_what_is_no_image_the_last() -> None:
    shuffled = random.Random(1).sample(ORDERED, len(ORDERED))
    assert newest_first(shuffled) == ORDERED


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ["b-3", "3", "3.1", "13"]),
        ("3", ["3", "3.1", "b-3", "13"]),
        ("B", ["b-3"]),
        ("3 b", ["b-3"]),
        ("  ", ["b-3", "3", "3.1", "13"]),
        ("none", []),
    ],
)
def test_a_search_finds_every_word_and_puts_the_nearest_first(text: str, found: list[str]) -> None:
    assert search(["b-3", "3", "3.1", "13"], text) == found


TAG = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", fullmatch=True)


@given(st.lists(TAG, unique=True), st.sampled_from(["", "1", "a"]))
def test_any_tags_have_one_order_in_which_each_page_goes_on(tags: list[str], text: str) -> None:
    """Also where the tag that ended a page has vanished in between."""
    ordered = newest_first(tags)
    assert ordered == newest_first(reversed(ordered))
    found = search(ordered, text)
    for place, tag in enumerate(found):
        assert after(found, tag, text) == place + 1
        assert after([one for one in found if one != tag], tag, text) == place

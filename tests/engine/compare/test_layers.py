"""Layers in common."""

from __future__ import annotations

import pytest

from worker.engine.compare import LayersInCommon, layers_in_common
from worker.engine.oci import Digest


def digests(letters: str) -> list[Digest]:
    return [Digest.of(letter.encode()) for letter in letters]


@pytest.mark.parametrize(
    ("a", "b", "base", "moved"),
    [
        ("abc", "abd", 2, ()),
        ("abc", "abc", 3, ()),
        ("ab", "abcd", 2, ()),
        ("abc", "xyz", 0, ()),
        ("", "a", 0, ()),
        ("abcd", "abxd", 2, ((3, 3),)),
        ("ab", "xab", 0, ((0, 1), (1, 2))),
        ("aee", "axee", 1, ((1, 2), (2, 3))),
        ("aee", "axe", 1, ((1, 2),)),
    ],
)
def test_the_base_in_common_and_layers_that_stand_elsewhere(
    a: str, b: str, base: int, moved: tuple[tuple[int, int], ...]
) -> None:
    assert layers_in_common(digests(a), digests(b)) == LayersInCommon(base, moved)

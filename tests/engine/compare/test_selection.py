"""Choosing among differences."""

from __future__ import annotations

import time

import pytest

from tests.engine.compare.entries import directory, entry
from worker.engine.compare import Aspect, Kind, Selection, compare_entries

FOUND = compare_entries(
    [entry("usr/bin/Python", b"123"), entry("usr/lib.so", b"1"), entry("etc/old", b"12345")],
    [
        entry("usr/bin/Python", b"1234567"),
        entry("usr/lib.so", b"1", mode=0o755),
        entry("usr/share/doc.txt", b"12"),
        directory("usr/share"),
        entry(b"odd\xff*name", b""),
    ],
).differences


def paths(**wanted: object) -> list[bytes]:
    return [one.path for one in Selection(**wanted).apply(FOUND)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        (b"python", [b"usr/bin/Python"]),
        (b"/usr/b", [b"usr/bin/Python"]),
        (b"*.txt", [b"usr/share/doc.txt"]),
        (b"*.TXT", []),
        (b"usr/*.so", [b"usr/lib.so"]),
        (b"/usr/*/*", [b"usr/bin/Python", b"usr/share/doc.txt"]),
        (b"l?b.[s]o", [b"usr/lib.so"]),
        (b"\xff", [b"odd\xff*name"]),
        (b"odd\xff[*]*", [b"odd\xff*name"]),
        (b"[", []),
    ],
)
def test_a_pattern_is_a_part_of_the_path_or_a_glob(pattern: bytes, found: list[bytes]) -> None:
    assert paths(pattern=pattern) == found


def test_kinds_aspects_and_directories_narrow() -> None:
    assert paths(kinds=frozenset({Kind.REMOVED})) == [b"etc/old"]
    assert paths(aspects=Aspect.MODE) == [b"usr/lib.so"]
    assert paths(aspects=Aspect.MODE | Aspect.CONTENT) == [b"usr/bin/Python", b"usr/lib.so"]
    assert paths(under=b"usr/share") == [b"usr/share", b"usr/share/doc.txt"]
    assert paths(under=b"us") == []


@pytest.mark.parametrize(
    ("sort", "first"),
    [
        ("path", b"etc/old"),
        ("-path", b"usr/share/doc.txt"),
        ("-change", b"etc/old"),
        ("-growth", b"usr/bin/Python"),
        ("growth", b"etc/old"),
        ("-size", b"usr/bin/Python"),
        ("nonsense", b"etc/old"),
    ],
)
def test_sorting(sort: str, first: bytes) -> None:
    assert paths(sort=sort)[0] == first


def test_no_pattern_takes_long() -> None:
    """A glob of many stars, against a long name that it does not match, backtracks nowhere."""
    long = compare_entries([], [entry(b"a" * 4000, b"")]).differences
    started = time.monotonic()
    assert not Selection(pattern=b"*a" * 100 + b"*b").apply(long)
    assert time.monotonic() - started < 10

"""Work grows with a layer, not with its square: told by what is called, which no busy machine can change."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from samples.images import Entry, directory, hardlink, whiteout, write_tar
from tests.engine.layers.archives import unpack_here
from worker.engine.disk import remove_tree
from worker.engine.layers.collapse import collapse

pytestmark = pytest.mark.root


def calls(work: Callable[[], object]) -> int:
    """How many functions, of Python or C, are called by ``work`` in this thread."""
    count = 0

    def seen(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(seen)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def twice(count: int) -> list[Entry]:
    return [Entry(f"d{at % 7}/f{at}", b"x") for at in range(count)] * 2


def directories_replaced(count: int) -> list[Entry]:
    made = [Entry(f"d{at}/e/f", b"x") for at in range(count)]
    return made + [Entry(f"d{at}", b"x") for at in range(count)]


def links_that_outlive(count: int) -> list[Entry]:
    made = [Entry("first", b"x"), *(hardlink(f"l{at}", "first") for at in range(count))]
    return made + [Entry(name, b"y") for name in ("first", *(f"l{at}" for at in range(count - 1)))]


def whiteouts_replaced(count: int) -> list[Entry]:
    made = [whiteout(f"d/w{at}") for at in range(count)]
    return [*made, *(directory(f"d/w{at}") for at in range(count)), Entry("d", b"x")]


def opaque(count: int) -> list[Entry]:
    return [Entry(f"d{at}/.wh..wh..opq") for at in range(count)] + [
        whiteout(f"d{at}/x") for at in range(count)
    ]


@pytest.mark.parametrize(
    "kind", [twice, directories_replaced, links_that_outlive, whiteouts_replaced, opaque]
)
def test_a_layer_of_twice_as_many_entries(tmp_path: Path, kind: Callable[[int], list[Entry]]) -> None:
    few, many = write_tar(kind(150)), write_tar(kind(300))
    (tmp_path / "warm").mkdir()
    unpack_here(tmp_path / "warm", few)
    counted = []
    for name, archive in (("few", few), ("many", many)):
        place = tmp_path / name
        place.mkdir()
        counted.append(calls(lambda place=place, archive=archive: unpack_here(place, archive)))
    assert counted[1] < 2.3 * counted[0]


def test_removing_a_directory_of_twice_as_many(tmp_path: Path) -> None:
    counted = []
    for count in (200, 400):
        for at in range(count):
            (tmp_path / "top" / str(at)).mkdir(parents=True)
        counted.append(calls(lambda: remove_tree(tmp_path / "top")))
    assert counted[1] < 2.3 * counted[0]


def test_a_deep_directory_is_looked_at_once_for_all_that_is_in_it() -> None:
    """Whether something above it was removed is worked out once, however many entries ask."""
    deep = b"/".join([b"d"] * 1000)

    def values() -> Iterator[Any]:
        yield [b"x", 0]
        yield b"x"
        for at in range(500):
            yield [b"%s/%d" % (deep, at), 0]

    assert calls(lambda: list(collapse(values))) < 12_000


def test_the_records_are_read_twice_and_never_held(tmp_path: Path) -> None:
    """Memory grows with what was replaced, not with the layer: what holds comes out as it is read."""
    alive = 0

    class Counted(list[Any]):
        def __init__(self, *items: Any) -> None:
            nonlocal alive
            super().__init__(items)
            alive += 1

        def __del__(self) -> None:
            nonlocal alive
            alive -= 1

    def values() -> Iterator[Any]:
        yield Counted(b"gone", 0)
        yield b"gone"
        for at in range(1000):
            yield Counted(b"f%d" % at, 0)

    most = 0
    for _ in collapse(values):
        most = max(most, alive)
    assert most <= 4

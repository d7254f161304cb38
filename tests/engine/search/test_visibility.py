"""What is visible in an image, shadowed or deleted: by the index, as the merged view of its layers has it."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.engine.search.layers import file, layer, make, mark
from worker.engine.layers import EntryType, FileEntry
from worker.engine.oci import Digest
from worker.engine.search import SearchIndex
from worker.engine.search.visibility import Fate, Stacks, State, fate

A, B, C = layer("a"), layer("b"), layer("c")
PATH = "usr/lib/x"


@pytest.mark.parametrize(
    ("above", "expected"),
    [
        ([], State.VISIBLE),
        ([file("usr/lib/y")], State.VISIBLE),
        ([mark("usr/lib", EntryType.DIRECTORY)], State.VISIBLE),
        ([mark("usr", EntryType.IMPLIED)], State.VISIBLE),
        ([file(PATH, "other")], State.SHADOWED),
        ([mark(PATH, EntryType.DIRECTORY)], State.SHADOWED),
        ([mark(PATH, EntryType.SYMLINK)], State.SHADOWED),
        ([mark(PATH)], State.DELETED),
        ([mark("usr/lib")], State.DELETED),
        ([mark("usr", EntryType.OPAQUE)], State.DELETED),
        ([mark("", EntryType.OPAQUE)], State.DELETED),
        ([file("usr/lib", "a file where the directory was")], State.DELETED),
        ([mark("usr/lib", EntryType.OPAQUE), file(PATH, "again")], State.SHADOWED),
    ],
)
def test_what_a_layer_above_does(tmp_path: Path, above: list[FileEntry], expected: State) -> None:
    make(tmp_path, {A: [file(PATH, "x")], B: above})
    covers = SearchIndex(tmp_path).covers(PATH.encode(), {A, B})
    done = fate([A, B], A, {layer: state for layer, state in covers.items() if layer != A})
    assert done == (Fate(expected) if expected is State.VISIBLE else Fate(expected, 1))


def test_directories_merge_and_are_hidden_by_what_is_none(tmp_path: Path) -> None:
    make(
        tmp_path,
        {A: [mark("d", EntryType.DIRECTORY)], B: [mark("d", EntryType.DIRECTORY)], C: [file("d")]},
    )
    assert SearchIndex(tmp_path).covers(b"d", {A, B, C}, directory=True) == {C: State.SHADOWED}


def test_layers_that_may_not_be_seen_hide_nothing(tmp_path: Path) -> None:
    make(tmp_path, {A: [file(PATH, "x")], B: [mark(PATH)]})
    assert SearchIndex(tmp_path).covers(PATH.encode(), {A}) == {A: State.SHADOWED}


def test_the_lowest_layer_that_hides_it_did_it_and_the_highest_place_of_a_layer_counts() -> None:
    covers = {B: State.DELETED, C: State.SHADOWED}
    assert fate([A, C, B], A, covers) == Fate(State.SHADOWED, 1)
    assert fate([A, B, A], A, covers) == Fate(State.VISIBLE)
    assert fate([B, C], A, covers) is None


def test_all_images_at_once_say_the_same_as_one_after_the_other() -> None:
    chance = random.Random(3)
    layers = [layer(str(number)) for number in range(12)]
    stacks: dict[int, list[Digest]] = {
        image: chance.choices(layers, k=chance.randrange(1, 7)) for image in range(100, 400)
    }
    together = Stacks(stacks.items())
    for _ in range(40):
        mine = chance.choice(layers)
        covers = {one: State.DELETED for one in chance.sample(layers, 3) if one != mine}
        hidden = set(together.ids(together.hidden(mine, covers)))
        on = set(together.ids(together.on(mine)))
        for image, stack in stacks.items():
            alone = fate(stack, mine, covers)
            assert (image in on) == (alone is not None)
            assert (image in hidden) == (alone is not None and alone.state is not State.VISIBLE)
    assert together.layers == frozenset(one for stack in stacks.values() for one in stack)
    assert list(together.ids(0b101)) == [102, 100]
    assert together.has(0b101, 100)
    assert not together.has(0b101, 101)
    assert together.stack(102) == tuple(stacks[102])
    assert together.stack(1) == ()

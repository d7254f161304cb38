"""Merged trees compared: what images share is left out, and changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from samples.layers import SampleLayer, layer
from tests.support.files import file_entry, open_store, put_index, put_layer
from worker.engine.compare import Comparison, Kind, compare, compare_entries
from worker.engine.compare.sides import entry_of, linked_names
from worker.engine.files import FilesCache, ImageFiles, View
from worker.engine.layers import EntryType, FileEntry
from worker.engine.store import Store

BASE = layer({"etc/motd": b"hello", "usr/lib/a": b"1234", "usr/lib/b": b"12"})
ABOVE = layer({"etc/motd": b"other", "usr/lib/.wh.b": b"", "opt/new": b"123456"})
BESIDE = layer({"etc/motd": b"hello", "usr/lib/.wh.a": b"", "opt/new": b"12"})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "store")


def views(store: Store, *stacks: Sequence[SampleLayer]) -> list[View]:
    cache = FilesCache(1 << 24)
    return [cache.image(store.layers, [put_layer(store, one) for one in stack]).view() for stack in stacks]


def told(found: Comparison) -> list[tuple[bytes, str, tuple[str, ...], int]]:
    return [(one.path, one.kind.value, one.aspects.names, one.growth) for one in found.differences]


def entry_by_entry(a: View, b: View) -> Comparison:
    """The same without what makes it quick."""
    sides = []
    for view in (a, b):
        names = {view.node(at).path: first for at, first in linked_names(view).items()}
        sides.append([entry_of(node, names.get(node.path, b"")) for node in view.walk()])
    return compare_entries(*sides)


@pytest.mark.parametrize(
    ("one", "other"),
    [([BASE], [BASE, ABOVE]), ([BASE, ABOVE], [BASE, BESIDE]), ([ABOVE], [BASE]), ([BASE], [BASE])],
)
def test_sharing_layers_changes_nothing_but_the_time_it_takes(
    store: Store, one: list[SampleLayer], other: list[SampleLayer]
) -> None:
    a, b = views(store, one, other)
    quick, slow = compare(a, b), entry_by_entry(a, b)
    assert told(quick) == told(slow)
    assert (quick.same, quick.before, quick.after) == (slow.same, slow.before, slow.after)
    assert [quick.entries(each) for each in quick.differences] == [
        slow.entries(each) for each in slow.differences
    ]
    apart = compare(
        *(ImageFiles.of(store.layers, [put_layer(store, x) for x in s]).view() for s in (one, other))
    )
    assert told(apart) == told(quick)


def test_a_layer_above_adds_changes_and_removes(store: Store) -> None:
    found = compare(*views(store, [BASE], [BASE, ABOVE]))
    kinds = {path: kind for path, kind, _, _ in told(found) if kind != "time"}
    assert kinds == {
        b"etc/motd": "changed",
        b"usr/lib/b": "removed",
        b"opt": "added",
        b"opt/new": "added",
    }
    assert found.after - found.before == 6 - 2


def test_bytes_are_those_of_the_trees(store: Store) -> None:
    for view in views(store, [BASE, ABOVE], [ABOVE]):
        assert compare(view, view).before == view.total(b"").bytes


def test_names_of_one_file_that_an_image_above_parts_differ(store: Store) -> None:
    """In the base two names are one file; an upper layer replaces the first of them."""
    mode = {"mode": 0o644}
    link = FileEntry(b"b", EntryType.HARDLINK, link=b"a", **mode)  # type: ignore[arg-type]
    base = put_index(store, "linked", [file_entry("a", 4, b"1234"), link])
    top = put_index(store, "parted", [file_entry("a", 4, b"5678")])
    cache = FilesCache(1 << 24)
    a, b = (cache.image(store.layers, stack).view() for stack in ([base], [base, top]))
    found = compare(a, b)
    assert (found.before, found.after) == (4, 8)
    assert [(path, names) for path, _, names, _ in told(found)] == [
        (b"a", ("content", "link")),
        (b"b", ("link",)),
    ]
    assert found.counts[Kind.CHANGED].growth == 4

"""What directories inherit, compared with a plain model: layers applied one after the other."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import example, given
from hypothesis import strategies as st

from worker.engine.merged.inheritance import (
    IMPLIED,
    Attributes,
    Directory,
    Found,
    Layer,
    Obstacle,
    inherited,
    parent_of,
    root_of,
    with_ancestors,
)

STICKY, PRIVATE, SHARED = Attributes(0o1777), Attributes(0o700, 1, 2), Attributes(0o2775, 0, 50, 7)


@dataclass(frozen=True)
class Changes:
    """What a layer's tar says: attributes of directories, files, and what it deletes of the layers below."""

    directories: dict[bytes, Attributes]
    files: frozenset[bytes] = frozenset()
    whiteouts: frozenset[bytes] = frozenset()
    opaque: frozenset[bytes] = frozenset()

    def new_directories(self) -> set[bytes]:
        """All directories that its tree must have."""
        within = {parent_of(path) for path in self.files | self.whiteouts}
        return with_ancestors({b"", *self.directories, *self.opaque, *within})


def apply(changes: Changes, below: dict[bytes, Attributes | None]) -> dict[bytes, Attributes | None]:
    """The file system after a layer, by path: a directory's attributes, or None for a file."""
    here = dict(below)

    def remove(path: bytes, itself: bool = True) -> None:
        for old in [old for old in here if old.startswith(path + b"/" if path else b"") and old != path]:
            del here[old]
        if itself:
            here.pop(path, None)

    for path in changes.whiteouts:
        remove(path)
    for path in changes.opaque:
        remove(path, itself=False)
    for path in sorted(changes.new_directories()):
        if here.get(path) is None:
            here[path] = IMPLIED  # made because something is in it, maybe in the place of a file
        here[path] = changes.directories.get(path, here[path])
    for path in changes.files:
        remove(path)
        here[path] = None
    return here


def as_layer(changes: Changes) -> Layer:
    """The layer's own tree, as extraction makes it (tests/engine/layers/test_tree.py)."""
    layer: dict[bytes, Found] = {path: Obstacle() for path in changes.files | changes.whiteouts}
    for path in changes.new_directories():
        replaced = path in changes.whiteouts
        described = changes.directories.get(path, IMPLIED if replaced else None)
        layer[path] = Directory(described, opaque=replaced or path in changes.opaque)
    return layer


def shown(layers: list[Layer], path: bytes) -> Attributes:
    """What OverlayFS shows of a directory: the topmost layer's attributes."""
    for layer in reversed(layers):
        found = layer.get(path)
        if isinstance(found, Directory):
            return found.attributes or IMPLIED
    raise AssertionError(path)


names = st.sampled_from([b"a", b"b"])
paths = st.lists(names, min_size=1, max_size=3).map(b"/".join)
attributes = st.builds(Attributes, mode=st.sampled_from([0o755, 0o1777, 0o2775]), uid=st.integers(0, 2))


@st.composite
def changes(draw: st.DrawFn) -> Changes:
    directories = draw(st.dictionaries(paths | st.just(b""), attributes, max_size=3))
    opaque, whiteouts = draw(st.frozensets(paths, max_size=1)), draw(st.frozensets(paths, max_size=2))
    files = draw(st.frozensets(paths, max_size=3))
    all_directories = Changes(directories, files, whiteouts, opaque).new_directories()
    return Changes(directories, files - all_directories, whiteouts - files, opaque)


@given(st.lists(changes(), max_size=5))
def test_every_directory_looks_as_if_the_layers_were_unpacked_one_after_the_other(
    image: list[Changes],
) -> None:
    expected: dict[bytes, Attributes | None] = {}
    for layer in image:
        expected = apply(layer, expected)
    layers = [as_layer(layer) for layer in image]
    found = inherited(layers)
    for path, right in expected.items():
        if right is not None:
            assert found.get(path, shown(layers, path)) == right, path
    assert all(expected.get(path) is not None for path in found), "something was resurrected"
    assert found.keys() == with_ancestors(found)
    assert root_of(layers) == (expected.get(b"") or IMPLIED)


@given(st.lists(changes(), max_size=4))
@example([Changes({b"a": STICKY, b"a/b": PRIVATE}), Changes({}, frozenset({b"a/b/f"}))])
def test_nothing_is_made_that_makes_no_difference(image: list[Changes]) -> None:
    """Each directory is there because OverlayFS would be wrong about it, or about something in it."""
    layers = [as_layer(layer) for layer in image]
    found = inherited(layers)
    wrong = {path for path, right in found.items() if shown(layers, path) != right}
    assert with_ancestors(wrong) == found.keys()


BASE = {b"": Directory(IMPLIED), b"tmp": Directory(STICKY), b"tmp/in": Directory(SHARED)}
ABOVE: Layer = {b"": Directory(None), b"tmp": Directory(None)}
DEEP_ABOVE: Layer = {**ABOVE, b"tmp/in": Directory(None)}


def test_the_topmost_description_counts() -> None:
    described: Layer = {b"": Directory(None), b"tmp": Directory(PRIVATE)}
    assert inherited([BASE, described, ABOVE]) == {b"": IMPLIED, b"tmp": PRIVATE}
    assert inherited([BASE, ABOVE, ABOVE]) == {b"": IMPLIED, b"tmp": STICKY}


def test_most_images_need_nothing() -> None:
    assert inherited([]) == {}
    assert inherited([BASE]) == {}
    assert inherited([DEEP_ABOVE]) == {}, "there is nothing below to inherit from"
    assert inherited([ABOVE, BASE]) == {}, "what is described on top is right"
    assert inherited([BASE, {b"": Directory(None), b"tmp": Directory(STICKY)}]) == {}


def test_the_way_to_a_directory_has_its_own_attributes() -> None:
    described: Layer = {b"": Directory(SHARED), b"tmp": Directory(PRIVATE), b"tmp/in": Directory(None)}
    assert inherited([BASE, described]) == {b"": SHARED, b"tmp": PRIVATE, b"tmp/in": SHARED}


def test_what_was_deleted_or_replaced_leaves_nothing() -> None:
    for obstacle_at in (b"tmp", b"tmp/in"):
        hidden: Layer = {**ABOVE, obstacle_at: Obstacle()}
        assert b"tmp/in" not in inherited([BASE, hidden])
        assert b"tmp/in" not in inherited([BASE, DEEP_ABOVE, hidden])
        assert b"tmp/in" not in inherited([BASE, hidden, DEEP_ABOVE])


def test_an_opaque_mark_hides_what_is_in_a_directory_and_not_the_directory() -> None:
    marked: Layer = {**ABOVE, b"tmp": Directory(None, opaque=True)}
    assert inherited([BASE, marked]) == {b"": IMPLIED, b"tmp": STICKY}
    assert inherited([BASE, marked, DEEP_ABOVE]) == {b"": IMPLIED, b"tmp": STICKY}
    assert inherited([BASE, {**DEEP_ABOVE, **marked}]) == {b"": IMPLIED, b"tmp": STICKY}


def test_a_directory_may_be_implied_by_as_many_layers_as_there_are() -> None:
    assert inherited([BASE, *[DEEP_ABOVE] * 500]) == {b"": IMPLIED, b"tmp": STICKY, b"tmp/in": SHARED}

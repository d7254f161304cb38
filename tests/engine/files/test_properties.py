"""Whatever the layers, what is seen of them is what applying them one after the other leaves."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.engine.files import reference
from tests.engine.files.reference import DIRECTORIES, Tree, is_in
from worker.engine.files import Change, ImageFiles, Node, View
from worker.engine.files.loading import make_table
from worker.engine.files.merge import stack_up
from worker.engine.layers import EntryType, FileEntry

NAMES = (b"a", b"b", b"a-b", b"a.b", b"\xff", b"n\nl")
PATHS = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map(b"/".join)
KINDS = (
    EntryType.FILE,
    EntryType.FILE,
    EntryType.DIRECTORY,
    EntryType.DIRECTORY,
    EntryType.IMPLIED,
    EntryType.SYMLINK,
    EntryType.WHITEOUT,
    EntryType.FIFO,
    EntryType.HARDLINK,
)


@st.composite
def layers(draw: st.DrawFn) -> list[FileEntry]:
    """The records of a layer that can be, in some order, with some implied directories left out."""
    chosen = draw(st.dictionaries(PATHS, st.sampled_from(KINDS), max_size=12))
    random = draw(st.randoms(use_true_random=False))
    records: dict[bytes, FileEntry] = {}
    for path in sorted(chosen):
        kind = chosen[path]
        above = [records[parent] for parent in reference.parents(path) if parent in records]
        if any(entry.type not in DIRECTORIES for entry in above):
            continue
        files = [
            entry.path for entry in records.values() if entry.type in (EntryType.FILE, EntryType.HARDLINK)
        ]
        records[path] = _record(path, kind, files, random)
    opaque = [
        FileEntry(path, EntryType.OPAQUE)
        for path, entry in records.items()
        if entry.type in DIRECTORIES and random.random() < 0.25
    ]
    listed = [*records.values(), *opaque]
    random.shuffle(listed)
    return listed


def _record(path: bytes, kind: EntryType, files: Sequence[bytes], random: Random) -> FileEntry:
    few = random.choice((0, 1))
    match kind:
        case EntryType.HARDLINK if files:
            return FileEntry(path, kind, link=random.choice(files))
        case EntryType.FILE | EntryType.HARDLINK:
            return FileEntry(path, EntryType.FILE, 3 + few, 0o644, few, 0, few, sha256=bytes([few + 1]) * 32)
        case EntryType.SYMLINK:
            return FileEntry(path, kind, mode=0o777, link=random.choice((b"a", b"/b")))
        case EntryType.IMPLIED:
            return FileEntry(path, kind, mode=0o755)
        case EntryType.DIRECTORY:
            return FileEntry(path, kind, mode=random.choice((0o755, 0o700)), mtime_ns=few)
        case _:
            return FileEntry(path, kind, mode=0o600 if kind is EntryType.FIFO else 0)


def facts(node: Node) -> tuple[object, ...]:
    return (
        node.type,
        node.size,
        node.mode,
        node.uid,
        node.gid,
        node.mtime_ns,
        node.link,
        node.sha256,
    )


def key(path: bytes) -> bytes:
    return path.replace(b"/", b"\0")


def image(stack: Sequence[Sequence[FileEntry]]) -> ImageFiles:
    return ImageFiles([make_table(tuple(entry.pack()) for entry in records) for records in stack])


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(layers(), min_size=1, max_size=5))
def test_views_are_what_applying_the_layers_leaves(stack: list[list[FileEntry]]) -> None:
    files = image(stack)
    trees = reference.trees(stack)
    for top, tree in enumerate(trees):
        view = files.view(top)
        _same_tree(view, tree)
        _same_changes(view, trees[top - 1] if top else {}, tree)
    for path in {path for tree in trees for path in tree}:
        _same_history(files, trees, path)


def _same_tree(view: View, tree: Tree) -> None:
    walked = list(view.walk())
    assert [node.path for node in walked] == sorted(tree, key=key)
    for node, entry in zip(walked, view.columns(), strict=True):
        seen = tree[node.path]
        assert facts(node) == seen.facts
        assert node.layer == seen.layer
        assert view.get(node.path) == node
        assert node.hardlink_to == (seen.inode if seen.inode != node.path else None)
        assert entry == (
            node.path,
            node.type,
            node.size,
            node.mode,
            node.uid,
            node.gid,
            node.mtime_ns,
            node.sha256,
            node.layer,
        )
        if node.is_directory:
            inside = [path for path in tree if path.rpartition(b"/")[0] == node.path and path]
            assert [child.path for child in view.children(node.path)] == sorted(inside)
            total = view.total(node.path)
            assert total.bytes == reference.size(tree, node.path)
            assert total.entries == sum(is_in(path, node.path) for path in tree)
        else:
            assert not view.children(node.path)


def _same_changes(view: View, before: Tree, tree: Tree) -> None:
    found = {change: {node.path for node in view.changed() if node.change is change} for change in Change}
    assert found[Change.ADDED] == tree.keys() - before.keys()
    assert found[Change.REMOVED] == before.keys() - tree.keys()
    both = tree.keys() & before.keys()
    assert found[Change.CHANGED] == {path for path in both if tree[path].facts != before[path].facts}
    changes = view.changes()
    for count, change in (
        (changes.added, Change.ADDED),
        (changes.changed, Change.CHANGED),
        (changes.removed, Change.REMOVED),
    ):
        assert count.files + count.directories == len(found[change])
    for path in found[Change.REMOVED]:
        gone = view.removed(path)
        assert gone is not None
        assert facts(gone) == before[path].facts
        above = path.rpartition(b"/")[0]
        assert gone in view.children(above, removed=True)


def _same_history(files: ImageFiles, trees: Sequence[Tree], path: bytes) -> None:
    said = {version.layer: version for version in files.history(path)}
    now: Node | None = None
    for layer, tree in enumerate(trees):
        if layer in said:
            now = said[layer].node
        seen = tree.get(path)
        assert (facts(now) if now else None) == (seen.facts if seen else None)
        assert now is None or seen is None or now.layer == seen.layer


@settings(max_examples=50, deadline=None)
@given(st.lists(layers(), min_size=2, max_size=5), st.data())
def test_starting_from_a_view_of_fewer_layers_makes_no_difference(
    stack: list[list[FileEntry]], data: st.DataObject
) -> None:
    tables = [make_table(tuple(entry.pack()) for entry in records) for records in stack]
    count = data.draw(st.integers(1, len(tables) - 1))
    whole, continued = stack_up(tables), stack_up(tables, stack_up(tables[:count]), count)
    assert list(View(tables, whole).walk()) == list(View(tables, continued).walk())
    assert View(tables, whole).changes() == View(tables, continued).changes()


@settings(max_examples=60, deadline=None)
@given(layers(), st.integers(20, 60))
def test_a_few_rows_over_many_are_merged_as_many_over_many(records: list[FileEntry], count: int) -> None:
    """Few rows are looked up one by one, many are sorted among the others."""
    base = [FileEntry(b"a/%03d" % number, EntryType.FILE, number) for number in range(count * 20)]
    stack = [base, records]
    _same_tree(image(stack).view(), reference.trees(stack)[-1])

"""What is to be mounted for an image, from what stands in the store."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from tests.engine.containers.layers import add_layer
from worker.engine.errors import LayerMissing, StoreDamaged
from worker.engine.layers import EntryType, FileEntry
from worker.engine.layers.index import IndexWriter
from worker.engine.merged import Attributes, Stack
from worker.engine.oci import Digest
from worker.engine.store import Store

SECOND = 1_000_000_000


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store")
    store.prepare()
    return store


def base(tree: Path) -> None:
    (tree / "tmp" / "in").mkdir(parents=True)
    (tree / "tmp" / "in").chmod(0o2775)
    (tree / "tmp").chmod(0o1777)
    os.setxattr(tree / "tmp", "user.kind", b"sticky")
    for path in (tree / "tmp" / "in", tree / "tmp", tree):
        os.utime(path, ns=(5 * SECOND, 5 * SECOND))


def above(tree: Path) -> None:
    (tree / "tmp" / "in").mkdir(parents=True)


IMPLIED = (b"", b"tmp", b"tmp/in")
STICKY = Attributes(0o1777, os.geteuid(), os.getegid(), 5 * SECOND, {b"user.kind": b"sticky"})


def stack(store: Store, *fill: tuple[Callable[[Path], None], tuple[bytes, ...]]) -> Stack:
    layers = [add_layer(store, str(uuid4()), tree, implied) for tree, implied in fill]
    return Stack.of(store.layers, layers)


def test_the_directories_on_top_have_every_attribute(store: Store, tmp_path: Path) -> None:
    """What is made in a directory changes its time, and a set-group-ID bit is passed on: neither shows."""
    found = stack(store, (base, ()), (above, IMPLIED))
    assert found.inherited[b"tmp"] == STICKY
    lowers = found.lowers(tmp_path / "top")
    assert lowers == (*found.trees, tmp_path / "top")
    assert sorted(path.relative_to(lowers[-1]) for path in lowers[-1].rglob("*")) == [
        Path("tmp"),
        Path("tmp/in"),
    ]
    for path in ("", "tmp", "tmp/in"):
        made, described = (lowers[-1] / path).stat(), (found.trees[0] / path).stat()
        assert stat.S_IMODE(made.st_mode) == stat.S_IMODE(described.st_mode)
        assert made.st_mtime_ns == described.st_mtime_ns
        assert os.listxattr(lowers[-1] / path) == os.listxattr(found.trees[0] / path)


def test_nothing_is_made_where_nothing_is_needed(store: Store, tmp_path: Path) -> None:
    for found in (
        stack(store, (base, ())),
        stack(store, (base, ()), (above, ())),
        stack(store, (base, ()), (lambda tree: None, (b"",))),
    ):
        assert found.lowers(tmp_path / "top") == found.trees
    assert not (tmp_path / "top").exists()


@pytest.mark.root
def test_a_read_only_mount_always_has_a_top(store: Store, tmp_path: Path) -> None:
    """The kernel merges no less than two directories; and the root's attributes have to stand somewhere."""
    found = stack(store, (base, ()), (lambda tree: None, (b"",)))
    assert found.lowers(tmp_path / "top", read_only=True) == (*found.trees, tmp_path / "top")
    assert (tmp_path / "top").stat().st_mtime_ns == 5 * SECOND
    assert list((tmp_path / "top").iterdir()) == []
    nothing = Stack.of(store.layers, ())
    assert nothing.lowers(tmp_path / "empty", read_only=True) == (tmp_path / "empty",)


def test_no_link_of_a_layer_is_followed(store: Store, tmp_path: Path) -> None:
    (tmp_path / "outside" / "in").mkdir(parents=True)
    (tmp_path / "outside" / "in").chmod(0o777)
    found = stack(store, (lambda tree: (tree / "tmp").symlink_to(tmp_path / "outside"), ()), (above, IMPLIED))
    assert b"tmp" not in found.inherited
    assert b"tmp/in" not in found.inherited


@pytest.mark.root
def test_deletion_marks_are_understood(store: Store) -> None:
    def opaque(tree: Path) -> None:
        (tree / "tmp").mkdir()
        os.setxattr(tree / "tmp", "trusted.overlay.opaque", b"y")

    def deleted(tree: Path) -> None:
        os.mknod(tree / "tmp", stat.S_IFCHR, os.makedev(0, 0))

    left_out = (above, IMPLIED)
    assert b"tmp" not in stack(store, (base, ()), (deleted, (b"",)), left_out).inherited
    for_opaque = stack(store, (base, ()), (opaque, (b"", b"tmp")), left_out)
    assert for_opaque.inherited[b"tmp"] == STICKY
    assert b"tmp/in" not in for_opaque.inherited


def test_of_layers_that_an_early_version_extracted_the_index_tells(store: Store) -> None:
    layers = [add_layer(store, "base", base), add_layer(store, "above", above, IMPLIED)]
    record = store.layers.tree(layers[1]).parent / "layer.json"
    known = json.loads(record.read_text())
    del known["implied"]
    record.chmod(0o644)
    record.write_text(json.dumps(known))
    with pytest.raises(StoreDamaged):  # this layer's index is empty
        Stack.of(store.layers, layers)
    index = store.layers.index_path(layers[1])
    index.chmod(0o644)
    with index.open("w+b") as file:
        writer = IndexWriter(file)
        writer.add(FileEntry(b"file", EntryType.FILE, size=1).pack())
        for path in IMPLIED:
            writer.add(FileEntry(path, EntryType.IMPLIED, mode=0o755).pack())
        writer.close()
    assert Stack.of(store.layers, layers).inherited[b"tmp"] == STICKY


def test_a_missing_layer_is_named(store: Store) -> None:
    missing = Digest.of(b"missing")
    with pytest.raises(LayerMissing, match=str(missing)):
        Stack.of(store.layers, [add_layer(store, "base", base), missing])

"""A file index that is lost or damaged is made again, and says what it said before."""

from __future__ import annotations

from pathlib import Path

import pytest

from samples.layers import Entry, SampleLayer, directory, hardlink, layer
from tests.support.files import open_store, put_layer
from worker.engine.errors import LayerMissing, StoreDamaged
from worker.engine.files import ImageFiles
from worker.engine.files.mending import mend
from worker.engine.layers import FileEntry, FileIndex
from worker.engine.oci import Descriptor, Digest
from worker.engine.store import Store

pytestmark = pytest.mark.root  # owners, devices and marks of opaque directories are part of it


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "store")


@pytest.fixture
def sample() -> SampleLayer:
    return layer(
        {"implied/f": b"content", "d/\n": b""},
        symlinks={"link": "f"},
        whiteouts=["gone", "d/gone"],
        opaque=["d"],
        entries=[
            directory("own", mode=0o1777),
            Entry("own/suid", b"x", mode=0o4755, uid=5, gid=6, xattrs={"user.k": b"v"}),
            hardlink("own/zz", "own/suid"),
            Entry("dev", type=b"3", device=(1, 3)),
            Entry("pipe", type=b"6"),
        ],
    )


def spoil(store: Store, diff_id: Digest, content: bytes | None) -> None:
    path = store.layers.index_path(diff_id)
    path.unlink()
    if content is not None:
        path.write_bytes(content)


def said(store: Store, diff_id: Digest) -> dict[tuple[bytes, str], FileEntry]:
    entries = FileIndex(store.layers.index_path(diff_id)).entries()
    return {(entry.path, entry.type): entry for entry in entries}


def blob_of(sample: SampleLayer) -> Descriptor:
    return Descriptor(sample.media_type, sample.digest, sample.size)


@pytest.mark.parametrize("spoilt", [None, b"", b"garbage"])
@pytest.mark.parametrize("from_blob", [True, False])
def test_it_says_the_same_as_before(
    store: Store, sample: SampleLayer, spoilt: bytes | None, from_blob: bool
) -> None:
    diff_id = put_layer(store, sample, blob=from_blob)
    before = said(store, diff_id)
    inode = (store.layers.tree(diff_id) / "implied/f").stat().st_ino
    spoil(store, diff_id, spoilt)
    with pytest.raises(StoreDamaged) as caught:
        ImageFiles.of(store.layers, [diff_id])
    assert caught.value.diff_id == str(diff_id)
    assert mend(store, diff_id, [blob_of(sample)])
    assert said(store, diff_id) == before
    assert (store.layers.tree(diff_id) / "implied/f").stat().st_ino == inode, "the tree is the same one"
    assert store.layers.index_path(diff_id).stat().st_mode & 0o777 == 0o444
    assert not mend(store, diff_id), "there is nothing to do any more"


def test_of_a_damaged_blob_nothing_is_believed(store: Store, sample: SampleLayer) -> None:
    diff_id = put_layer(store, sample, blob=True)
    before = said(store, diff_id)
    blob = store.blobs.path(sample.digest)
    blob.chmod(0o644)
    blob.write_bytes(blob.read_bytes()[:-1] + b"\xff")
    spoil(store, diff_id, None)
    assert mend(store, diff_id, [blob_of(sample)])
    assert said(store, diff_id) == before


def test_a_tree_that_is_not_what_it_was_makes_no_index(store: Store, sample: SampleLayer) -> None:
    diff_id = put_layer(store, sample)
    (store.layers.tree(diff_id) / "implied/more").write_text("more")
    spoil(store, diff_id, None)
    with pytest.raises(StoreDamaged, match="cannot be made anew") as caught:
        mend(store, diff_id)
    assert caught.value.diff_id == str(diff_id)
    assert not store.layers.index_path(diff_id).exists()
    assert not list(store.ingest.glob("layer-*"))


def test_a_layer_that_is_not_here_cannot_be_mended(store: Store) -> None:
    with pytest.raises(LayerMissing):
        mend(store, Digest.of(b"nowhere"))


def test_nothing_in_a_tree_is_followed_or_waited_for(store: Store, tmp_path: Path) -> None:
    """A link out of the tree is read as a link; a FIFO is not opened."""
    (tmp_path / "secret").write_text("secret")
    sample = layer(symlinks={"out": str(tmp_path / "secret")}, entries=[Entry("pipe", type=b"6")])
    diff_id = put_layer(store, sample)
    before = said(store, diff_id)
    spoil(store, diff_id, None)
    assert mend(store, diff_id)
    assert said(store, diff_id) == before
    assert (store.layers.tree(diff_id) / "out").readlink() == tmp_path / "secret"

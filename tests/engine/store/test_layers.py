"""Layers on disk: moved into place whole, removed whole, and never half."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from worker.engine.errors import LayerMissing, StoreDamaged, StoreNotWritable
from worker.engine.oci import Digest
from worker.engine.store import LayerInfo, Store

DIFF_ID = Digest.of(b"a tar")
INFO = LayerInfo(DIFF_ID, unpacked_size=10240, content_size=7, entries=3, implied=(b"", b"not text: \xff"))


def leftovers(store: Store) -> list[Path]:
    return list((store.root / "ingest").glob("layer-*"))


def fail_half_way(tree: Path) -> None:
    (tree / "file").write_text("content")
    raise RuntimeError("half-way")


def commit(store: Store) -> None:
    with store.layers.stage(DIFF_ID) as staged:
        (staged.tree / "file").write_text("content")
        staged.index_path.write_bytes(b"index")
        staged.commit(INFO)


def test_a_committed_layer_is_there_whole(store: Store) -> None:
    commit(store)
    assert store.layers.has(DIFF_ID)
    assert store.layers.tree(DIFF_ID) == store.root / "layers" / "sha256" / DIFF_ID.hex / "tree"
    assert (store.layers.tree(DIFF_ID) / "file").read_text() == "content"
    assert store.layers.index_path(DIFF_ID).read_bytes() == b"index"
    assert store.layers.info(DIFF_ID) == INFO
    assert leftovers(store) == []


def test_a_layer_that_fails_leaves_nothing(store: Store) -> None:
    with pytest.raises(RuntimeError, match="half-way"), store.layers.stage(DIFF_ID) as staged:
        fail_half_way(staged.tree)
    assert not store.layers.has(DIFF_ID)
    assert leftovers(store) == []


def test_what_a_killed_process_left_is_cleared_by_the_next(store: Store) -> None:
    stale = store.root / "ingest" / f"layer-{DIFF_ID.hex}-dead"
    (stale / "tree" / "deep").mkdir(parents=True)
    with store.layers.stage(DIFF_ID):
        assert not stale.exists()


def test_removing_drops_the_whole_layer_and_is_idempotent(store: Store) -> None:
    commit(store)
    store.layers.remove(DIFF_ID)
    store.layers.remove(DIFF_ID)
    assert not store.layers.has(DIFF_ID)
    assert leftovers(store) == []
    with pytest.raises(LayerMissing):
        store.layers.info(DIFF_ID)


def test_a_damaged_record_is_named(store: Store) -> None:
    commit(store)
    record = store.layers.tree(DIFF_ID).parent / "layer.json"
    record.chmod(0o644)
    for damage in ("{", "[]", "{}", '{"unpacked_size": 1, "content_size": 1, "entries": 1, "implied": [1]}'):
        record.write_text(damage)
        with pytest.raises(StoreDamaged, match=DIFF_ID.hex):
            store.layers.info(DIFF_ID)


def test_what_an_early_version_did_not_record_is_unknown(store: Store) -> None:
    commit(store)
    record = store.layers.tree(DIFF_ID).parent / "layer.json"
    known = json.loads(record.read_text())
    del known["implied"]
    record.chmod(0o644)
    record.write_text(json.dumps(known))
    assert store.layers.info(DIFF_ID) == replace(INFO, implied=None)


def test_a_store_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Exception, match="prepare the store") as raised:
        Store(tmp_path / "file" / "store").prepare()
    assert raised.value.code in {"store_error", StoreNotWritable.code}

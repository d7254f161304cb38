"""Fetching and extracting apart: an image is complete on disk before, or after, its trees are."""

from __future__ import annotations

import pytest

from samples.registry import SampleRegistry
from tests.engine.pull.helpers import APP, BASE, IMAGE, damage, pull_it
from worker.engine.errors import StoreDamaged
from worker.engine.events import Event, LayerProgress, Phase
from worker.engine.extract import extract
from worker.engine.store import Store

pytestmark = pytest.mark.root


class TestFetchingAndExtractingApart:
    def test_fetch_only_leaves_the_blobs_packed(self, store: Store, registry: SampleRegistry) -> None:
        pulled = pull_it(store, registry.push("a", "1", IMAGE), fetch_only=True)
        assert pulled.layers_extracted == 0
        assert [layer.extracted for layer in pulled.layers] == [False, False]
        assert pulled.layers[0].unpacked_size is None
        assert not store.layers.has(BASE.diff_id)
        assert store.blobs.has(BASE.digest)

    def test_extract_needs_no_registry(self, store: Store, registry: SampleRegistry) -> None:
        name = registry.push("a", "1", IMAGE)
        pull_it(store, name, fetch_only=True)
        registry.requests.clear()
        events: list[Event] = []
        pulled = extract(store, IMAGE.digest, events.append)
        assert registry.requests == []
        assert (pulled.layers_extracted, pulled.bytes_fetched, pulled.unchanged) == (2, 0, False)
        assert str(pulled.reference) == name
        assert (store.layers.tree(APP.diff_id) / "srv/app").exists()
        phases = [event.phase for event in events if isinstance(event, LayerProgress) and event.position == 0]
        assert (phases[0], phases[-1]) == (Phase.WAITING, Phase.DONE)
        assert Phase.EXTRACTING in phases
        assert extract(store, IMAGE.digest).unchanged

    def test_a_pull_after_fetching_downloads_nothing(self, store: Store, registry: SampleRegistry) -> None:
        name = registry.push("a", "1", IMAGE)
        pull_it(store, name, fetch_only=True)
        pulled = pull_it(store, name)
        assert (pulled.bytes_fetched, pulled.layers_extracted) == (0, 2)

    def test_a_dropped_tree_comes_back(self, store: Store, registry: SampleRegistry) -> None:
        pull_it(store, registry.push("a", "1", IMAGE))
        store.layers.remove(APP.diff_id)
        assert extract(store, IMAGE.digest).layers_extracted == 1

    def test_a_missing_blob_is_named(self, store: Store, registry: SampleRegistry) -> None:
        pull_it(store, registry.push("a", "1", IMAGE), fetch_only=True)
        store.blobs.remove(APP.digest)
        with pytest.raises(StoreDamaged, match=APP.digest.hex) as raised:
            extract(store, IMAGE.digest)
        assert "Pull the image again" in raised.value.hint

    def test_a_damaged_blob_is_removed_and_a_pull_fetches_it_again(
        self, store: Store, registry: SampleRegistry
    ) -> None:
        name = registry.push("a", "1", IMAGE)
        pull_it(store, name, fetch_only=True)
        damage(store.blobs.path(APP.digest))
        with pytest.raises(StoreDamaged, match="damaged"):
            extract(store, IMAGE.digest)
        assert not store.blobs.has(APP.digest)
        # Both were begun at once: this one may have been done before the other failed.
        store.layers.remove(BASE.diff_id)
        damage(store.blobs.path(BASE.digest))
        pulled = pull_it(store, name)
        assert all(layer.extracted for layer in pulled.layers)
        assert store.blobs.read(BASE.digest, 1 << 20) == BASE.blob

    def test_an_unknown_image_is_named(self, store: Store) -> None:
        store.prepare()
        with pytest.raises(StoreDamaged, match=IMAGE.digest.hex):
            extract(store, IMAGE.digest)

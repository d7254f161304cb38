"""What a bad image brought is taken back, also while others work; what they rely on is not."""

from __future__ import annotations

import pytest

from samples.images import from_tar, image
from samples.registry import SampleRegistry
from tests.engine.pull.helpers import left, pull_it, random_layer
from worker.engine.errors import CorruptLayer
from worker.engine.store import Content, Store

pytestmark = pytest.mark.root

GOOD, WANTED = random_layer("good", 1000), random_layer("wanted", 1000)
BAD = image([GOOD, WANTED, from_tar(b"no tar at all" * 10_000)])


def test_also_while_others_work(store: Store, registry: SampleRegistry) -> None:
    name = registry.push("bad", "1", BAD)
    store.prepare()
    with store.pin() as pin:  # as another pull holds it
        pin.add(Content(frozenset({WANTED.digest}), frozenset({WANTED.diff_id})))
        with pytest.raises(CorruptLayer):
            pull_it(store, name, at_once=1)
        assert not store.blobs.has(GOOD.digest)
        assert not store.layers.has(GOOD.diff_id)
    kept = [f"blobs/sha256/{WANTED.digest.hex}", f"layers/sha256/{WANTED.diff_id.hex}"]
    assert set(left(store)) <= set(kept)


def test_nothing_stays_when_nobody_works(store: Store, registry: SampleRegistry) -> None:
    with pytest.raises(CorruptLayer):
        pull_it(store, registry.push("bad", "1", BAD), at_once=1)
    assert left(store) == []

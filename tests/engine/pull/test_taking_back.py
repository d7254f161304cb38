"""What a bad image brought is taken back, also while others work; what they rely on is not."""

from __future__ import annotations

import fcntl
import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from samples.images import from_tar, image
from samples.registry import SampleRegistry
from tests.engine.pull.helpers import left, pull_it, random_layer
from tests.support.processes import wait_until
from worker.engine.cancel import CancelToken
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


def test_nobody_waits_for_ever_while_others_delete(store: Store, registry: SampleRegistry) -> None:
    """A cancelled pull ends, and tells what it found; what it brought is out of sight."""
    store.prepare()
    cancel = CancelToken()

    def cancel_when_it_is_out_of_sight() -> None:
        wait_until(lambda: any(store.trash.path.iterdir()), 60, "something is thrown away")
        cancel.cancel()

    fd = os.open(store.trash.path, os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)  # as who empties it does
        with ThreadPoolExecutor(1) as pool:
            pool.submit(cancel_when_it_is_out_of_sight)
            with pytest.raises(CorruptLayer):
                pull_it(store, registry.push("bad", "1", BAD), at_once=1, cancel=cancel)
    finally:
        os.close(fd)
    found = left(store)
    assert found
    assert all(name.startswith("ingest/trash/") for name in found)

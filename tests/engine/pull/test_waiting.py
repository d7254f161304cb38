"""Two pulls want the same layer: one brings it, and the other shows how far that is."""

from __future__ import annotations

import threading

import pytest

from samples.images import image
from samples.registry import SampleRegistry
from samples.slow import Bandwidth
from tests.engine.pull.helpers import pull_it, random_layer, unfinished
from tests.support.processes import wait_until
from worker.engine.errors import SandboxError
from worker.engine.events import Event, LayerProgress, Phase
from worker.engine.layers import extraction
from worker.engine.store import Store

pytestmark = pytest.mark.root

PART = random_layer("shared", 2 << 20)


@pytest.mark.parametrize("fetch_only", [True, False])
def test_who_waits_shows_how_far_the_other_is(
    store: Store, registry: SampleRegistry, fetch_only: bool
) -> None:
    one = registry.push("one", "1", image([PART]))
    two = registry.push("two", "1", image([PART], run={"Cmd": ["x"]}))
    registry.bandwidth = Bandwidth(1 << 20)
    first = threading.Thread(target=lambda: pull_it(store, one, fetch_only=fetch_only))
    first.start()
    try:
        wait_until(lambda: store.blobs.partial_size(PART.digest), 20, "the first bytes")
        events: list[Event] = []
        pulled = pull_it(store, two, fetch_only=fetch_only, listener=events.append)
    finally:
        first.join()
    progress = [event for event in events if isinstance(event, LayerProgress)]
    seen = [event.done for event in progress if event.shared and event.phase is Phase.DOWNLOADING]
    assert len(set(seen)) > 3
    assert seen == sorted(seen)
    assert {event.fetched for event in progress} == {0}
    assert progress[-1].phase is Phase.DONE
    assert not progress[-1].shared
    assert pulled.bytes_fetched < 100_000


def test_a_machine_that_cannot_extract_keeps_no_empty_file(
    store: Store, registry: SampleRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extraction.os, "geteuid", lambda: 1000)
    with pytest.raises(SandboxError) as raised:
        pull_it(store, registry.push("one", "1", image([PART])))
    assert not raised.value.temporary
    assert unfinished(store) == []

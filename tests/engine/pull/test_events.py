"""What a pull tells while it runs."""

from __future__ import annotations

import threading

import pytest

from samples.images import image, layer
from samples.registry import SampleRegistry
from tests.engine.pull.helpers import pull_it, random_layer
from worker.engine.cancel import CancelToken
from worker.engine.errors import Cancelled
from worker.engine.events import Event, LayerProgress, Listener, Phase
from worker.engine.extract import extract
from worker.engine.store import Store

pytestmark = pytest.mark.root

LAYERS = (layer({"bin/sh": b"#!" * 5000}), layer({"srv/app": b"app" * 9000}))


@pytest.mark.parametrize("fetch_only", [False, True])
def test_a_layer_that_is_done_tells_all_that_it_became(
    store: Store, registry: SampleRegistry, fetch_only: bool
) -> None:
    """From the wire and, after a fetch-only pull, from the blob on disk."""
    events: list[Event] = []
    name = registry.push("demo", "1", image(LAYERS))
    pulled = pull_it(store, name, fetch_only=fetch_only, listener=events.append)
    if fetch_only:
        extract(store, pulled.digest, events.append)
    ends = {
        event.position: event.unpacked
        for event in events
        if isinstance(event, LayerProgress) and event.phase is Phase.DONE
    }
    assert ends == {0: len(LAYERS[0].tar), 1: len(LAYERS[1].tar)}


def test_a_stalled_download_tells_where_it_stands(store: Store, registry: SampleRegistry) -> None:
    """Also when all of it came at once: too soon after the first event for another one."""
    sample = image([random_layer("noise", 1 << 20)])
    name = registry.push("demo", "1", sample)
    registry.faults.stall = 600_000
    cancel = CancelToken()
    told = threading.Event()

    def listen(event: Event) -> None:
        if isinstance(event, LayerProgress) and (event.done, event.fetched) == (600_000, 600_000):
            told.set()

    pull = threading.Thread(target=lambda: _cancelled(store, name, listen, cancel))
    pull.start()
    try:
        assert told.wait(20)
    finally:
        cancel.cancel()
        pull.join()


def _cancelled(store: Store, name: str, listener: Listener, cancel: CancelToken) -> None:
    with pytest.raises(Cancelled):
        pull_it(store, name, listener=listener, cancel=cancel)

"""What a pull tells while it runs."""

from __future__ import annotations

import pytest

from samples.images import image, layer
from samples.registry import SampleRegistry
from tests.engine.pull.helpers import pull_it
from worker.engine.events import Event, LayerProgress, Phase
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

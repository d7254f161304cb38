"""Images of an unusual shape, which are valid all the same."""

from __future__ import annotations

import pytest

from samples.images import image, layer
from samples.registry import SampleRegistry
from tests.engine.pull.faults.helpers import BIG, SMALL, assert_whole, pull_from, served
from worker.engine.events import Event, LayerProgress, Phase, Planned
from worker.engine.store import Store


@pytest.mark.root
@pytest.mark.parametrize("fetch_only", [True, False])
def test_no_layers(store: Store, registry: SampleRegistry, fetch_only: bool) -> None:
    """FROM scratch and nothing else."""
    empty = image([])
    name = registry.push("demo", "1", empty)
    assert pull_from(store, name, fetch_only=fetch_only).layers == ()
    assert_whole(store, name, empty)
    assert pull_from(store, name, fetch_only=fetch_only).unchanged


@pytest.mark.root
def test_two_hundred_layers(store: Store, registry: SampleRegistry) -> None:
    many = image([layer({f"f{at}": b"x" * at}) for at in range(200)])
    name = registry.push("demo", "1", many)
    pulled = pull_from(store, name, fetch_only=False)
    assert [part.diff_id for part in pulled.layers] == [part.diff_id for part in many.layers]
    assert pulled.layers_extracted == 200
    assert_whole(store, name, many, extracted=True)


@pytest.mark.root
@pytest.mark.parametrize("fetch_only", [True, False])
@pytest.mark.parametrize("cuts", [0, 3])
def test_the_same_layer_several_times(
    store: Store, registry: SampleRegistry, fetch_only: bool, cuts: int
) -> None:
    """It is fetched once, unpacked once, and counts once."""
    twice = image([BIG, SMALL, BIG, BIG])
    name = registry.push("demo", "1", twice)
    registry.faults.where = str(BIG.digest)
    registry.faults.cut, registry.faults.cut_times = 1_000_000, cuts
    events: list[Event] = []
    pulled = pull_from(store, name, listener=events.append, fetch_only=fetch_only)
    assert served(registry) == BIG.size
    assert pulled.bytes_fetched == sum(len(blob) for blob in {*twice.blobs, twice.raw})
    assert pulled.layers_extracted == (0 if fetch_only else 2)
    (plan,) = (event for event in events if isinstance(event, Planned))
    assert [part.again for part in plan.layers] == [False, False, True, True]
    done = {
        event.position for event in events if isinstance(event, LayerProgress) and event.phase is Phase.DONE
    }
    assert done == {0, 1, 2, 3}
    assert_whole(store, name, twice, extracted=not fetch_only)


@pytest.mark.root
def test_a_layer_of_no_files(store: Store, registry: SampleRegistry) -> None:
    bare = image([layer(), layer(compression="none"), layer(compression="zstd")])
    name = registry.push("demo", "1", bare)
    pulled = pull_from(store, name, fetch_only=False)
    assert [part.content_size for part in pulled.layers] == [0, 0, 0]

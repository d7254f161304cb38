"""Many processes at once on one store: they share the work, and nobody waits for a dead one."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator

import pytest

from samples.images import image
from samples.registry import SampleRegistry
from tests.engine.crashes.processes import Workshop
from tests.engine.pull.helpers import random_layer, unfinished
from tests.support.processes import wait_until
from worker.engine.housekeeping import collect, scrub
from worker.engine.store import Store

pytestmark = [pytest.mark.root, pytest.mark.timeout(600)]

LAYERS = [random_layer(f"shared{at}", 150_000 + 40_000 * at) for at in range(6)]
# Eight images; each layer is in four of them or more.
IMAGES = [image([LAYERS[(at + step) % len(LAYERS)] for step in range(4)]) for at in range(8)]


@pytest.fixture
def registry() -> Iterator[SampleRegistry]:
    with SampleRegistry(rate=4 << 20) as registry:
        yield registry


def test_eight_processes_bring_each_blob_and_each_layer_once(
    store: Store, registry: SampleRegistry, workshop: Workshop
) -> None:
    names = [registry.push(f"demo{at}", "1", sample) for at, sample in enumerate(IMAGES)]
    results = [work.result() for work in [workshop.start("pull", store, name=name) for name in names]]
    assert not any("error" in result for result in results), results
    assert sum(result["extracted"] for result in results) == len(LAYERS)
    for part in LAYERS:
        asked = [path for path in registry.paths() if part.digest.hex in path]
        assert len(asked) == 1
        assert registry.served[asked[0]] == part.size
    assert scrub(store).findings == ()
    assert unfinished(store) == []


def test_nobody_waits_for_a_dead_one(
    store: Store, registry: SampleRegistry, workshop: Workshop, chance: random.Random
) -> None:
    """Of eight three are killed while they hold what others wait for; the others bring it all the same."""
    registry.faults.stall = 100_000
    names = [registry.push(f"demo{at}", "1", sample) for at, sample in enumerate(IMAGES)]
    working = [workshop.start("pull", store, name=name, stall_timeout=5) for name in names]

    def stands_still() -> bool:
        return sum(store.blobs.partial_size(part.digest) >= 100_000 for part in LAYERS) >= 2

    wait_until(stands_still, 60, "downloads stand still")
    registry.faults.stall = None
    for work in working[:3]:
        work.kill(chance)
    results = [work.result() for work in working[3:]]
    assert not any("error" in result for result in results), results
    assert scrub(store).findings == ()


def test_collecting_beside_pulls_takes_nothing_from_them(
    store: Store, registry: SampleRegistry, workshop: Workshop, chance: random.Random
) -> None:
    """Three processes pull images that share layers, and forget them; one collects all the time.

    For a minute; STRATA_TEST_SECONDS says how long else.
    """
    registry.bandwidth = None
    seconds = float(os.environ.get("STRATA_TEST_SECONDS", "60"))
    names = [registry.push(f"demo{at}", "1", sample) for at, sample in enumerate(IMAGES)]
    pulling = [
        workshop.start("churn", store, names=names[at::3], seed=chance.random(), seconds=seconds)
        for at in range(3)
    ]
    collecting = workshop.start("collect on", store, seconds=seconds)
    results = [work.result(seconds + 120) for work in (*pulling, collecting)]
    assert not any("error" in result for result in results), results
    assert all(result["fetched"] > 1 for result in results[:3]), results
    assert results[3]["items"] > 10, results
    assert scrub(store).findings == ()
    for listed in store.images.all():
        store.images.forget(listed.digest)
    collect(store, partials_older_than=0)
    assert unfinished(store) == []
    assert not any((store.root / "blobs/sha256").iterdir())
    assert not any((store.root / "layers/sha256").iterdir())

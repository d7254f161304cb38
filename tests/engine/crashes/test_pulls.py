"""Pulls that are killed: whatever the instant, what stands is whole, and what was fetched is kept."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Iterator

import pytest

from samples.images import image, layer
from samples.registry import SampleRegistry
from tests.engine.crashes.processes import Workshop
from tests.engine.pull.helpers import random_layer, unfinished
from worker.engine.housekeeping import collect, scrub
from worker.engine.store import Store

pytestmark = pytest.mark.root

KILLS = 100
FULL_AFTER = 12  # kills in a row, at most, before one may finish
RATE = 12 << 20  # bytes a second: so that most instants fall into the middle of something
MANY = layer(
    {f"usr/share/{at % 7}/{at}": b"%d\n" % at * at for at in range(300)},
    dirs=["usr", "usr/share", *(f"usr/share/{at}" for at in range(7))],
    whiteouts=["etc/gone"],
    opaque=["usr/share/3"],
)
LAYERS = [random_layer(f"layer{at}", 200_000 + 50_000 * at) for at in range(4)]
IMAGE = image([MANY, *LAYERS, random_layer("zstd", 300_000, "zstd")])


@pytest.fixture
def registry() -> Iterator[SampleRegistry]:
    with SampleRegistry(rate=RATE) as registry:
        yield registry


def missing(store: Store) -> int:
    """Bytes of the image's layers that no file on disk has."""
    return sum(
        part.size - store.blobs.partial_size(part.digest)
        for part in IMAGE.layers
        if not store.blobs.has(part.digest)
    )


def served(registry: SampleRegistry) -> int:
    """Bytes of the image's layers that were sent."""
    return sum(
        size
        for path, size in registry.served.items()
        if any(part.digest.hex in path for part in IMAGE.layers)
    )


@pytest.mark.timeout(600)
def test_a_hundred_kills_leave_nothing_half_made(
    store: Store, registry: SampleRegistry, workshop: Workshop, chance: random.Random
) -> None:
    """A scrub after each finds nothing; and a pull that may finish fetches what is missing, and no more."""
    name = registry.push("demo", "1", IMAGE)
    whole = missing(store)
    begun = time.monotonic()
    assert "error" not in workshop.start("pull", store, name=name).result()
    takes = time.monotonic() - begun
    kills = resumed = 0
    while kills < KILLS:
        shutil.rmtree(store.root)
        store.prepare()
        for _ in range(chance.randint(3, FULL_AFTER)):
            work = workshop.start("pull", store, name=name)
            if work.done(chance.uniform(0, takes * (0.2 + 0.8 * missing(store) / whole))):
                assert "error" not in work.result()
                break
            work.kill(chance)
            kills += 1
            assert scrub(store).findings == ()
        lacking = missing(store)
        registry.served.clear()
        assert "error" not in workshop.start("pull", store, name=name).result()
        assert served(registry) == lacking
        resumed += 0 < lacking < whole
        assert scrub(store).findings == ()
        assert unfinished(store) == []
        # At most a lock or a pin that nobody holds any more.
        assert {item.kind for item in collect(store, dry_run=True).items} <= {"other"}
    assert resumed

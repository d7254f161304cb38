"""Housekeeping that is killed: the store stays valid, and the next run ends what was begun."""

from __future__ import annotations

import random

import pytest

from samples.registry import SampleRegistry
from tests.engine.crashes.processes import Workshop
from tests.engine.crashes.test_pulls import IMAGE, LAYERS, MANY
from tests.engine.pull.helpers import damage, image, pull_it, unfinished
from worker.engine.extract import extract
from worker.engine.housekeeping import collect, scrub
from worker.engine.registry import Endpoint
from worker.engine.store import Store

pytestmark = [pytest.mark.root, pytest.mark.timeout(600)]

KILLS = 20


def test_a_killed_collect_leaves_a_valid_store(
    store: Store, sample_registry: SampleRegistry, workshop: Workshop, chance: random.Random
) -> None:
    """What is listed stays whole, of the rest some is gone; the next collect removes the rest."""
    kept = image(LAYERS[:2])
    kept_name = sample_registry.push("kept", "1", kept)
    other_name = sample_registry.push("other", "1", IMAGE)
    pull_it(store, kept_name)
    kills = 0
    while kills < KILLS:
        pull_it(store, other_name)
        # Of what the killed one has taken, a layer's blob is not fetched again as long as its tree is here.
        for listed in (store.images, store.shallow_images):
            listed.forget(IMAGE.digest)
        work = workshop.start("collect", store)
        if work.done(chance.uniform(0, 0.06)):
            assert work.result()["items"] > 0
        else:
            work.kill(chance)
            kills += 1
        assert scrub(store).findings == ()
        assert extract(store, kept.digest).unchanged
        if chance.random() < 0.5:  # else the next pull finds some of it here
            collect(store)
            assert unfinished(store) == []
            assert not store.layers.has(MANY.diff_id)
            assert collect(store, dry_run=True).items == ()


def test_a_killed_repair_is_ended_by_the_next(
    store: Store, sample_registry: SampleRegistry, workshop: Workshop, chance: random.Random
) -> None:
    """Nothing gets worse: what was sound stays so, what was damaged is so still, or is sound."""
    name = sample_registry.push("demo", "1", IMAGE)
    pull_it(store, name)
    kills = 0
    while kills < KILLS:
        damage(store.blobs.path(LAYERS[0].digest))
        for part in (MANY, LAYERS[1]):
            (store.layers.tree(part.diff_id) / "stranger").touch()
        harmed = {str(LAYERS[0].digest), str(MANY.diff_id), str(LAYERS[1].diff_id)}
        work = workshop.start("scrub", store, repair=True)
        if work.done(chance.uniform(0, 0.8)):
            assert all(repaired for *_, repaired in work.result()["findings"])
        else:
            work.kill(chance)
            kills += 1
        assert {finding.subject for finding in scrub(store).findings} <= harmed
        assert scrub(store, repair=True, endpoint_of=lambda host: Endpoint(host, insecure=True)).sound
        assert scrub(store).findings == ()
        collect(store)
        assert unfinished(store) == []

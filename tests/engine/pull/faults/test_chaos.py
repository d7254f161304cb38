"""Everything that can be mended goes wrong at once, at random: the image arrives all the same."""

from __future__ import annotations

import random
import threading
from collections import Counter

import pytest

from samples.faults import Faults
from samples.images import image, index
from samples.registry import Auth, SampleRegistry
from tests.engine.pull.faults.helpers import another, assert_whole, pull_from
from tests.engine.pull.helpers import random_layer
from worker.engine.oci import Platform
from worker.engine.store import Store

SAMPLE = image(
    [random_layer(f"layer {at}", 700_000 + 100_000 * at) for at in range(5)], platform=str(Platform.host())
)
_IN_A_ROW = 4  # failures of one address: fewer than after which a pull gives up


class Chaos(Faults):
    """Each request may fail in a way of its own, but none for ever.

    ``failed`` counts how often each address failed since it last brought something, at all hosts together.
    """

    def __init__(self, seed: int, registry: SampleRegistry, failed: Counter[str]) -> None:
        super().__init__()
        self._random = random.Random(seed)
        self._registry = registry
        self._failed = failed
        self._guard = threading.Lock()
        self._requests = 0
        self.kinds: Counter[str] = Counter()

    def take_failure(self, path: str) -> tuple[int, dict[str, str], str] | None:
        with self._guard:
            self._requests += 1
            if self._requests % 10 == 0:
                self._registry.tokens.clear()
                self.kinds["expired"] += 1
            kind = self._choose(path, ("", "", "503", "429"))
            if kind == "503":
                return 503, {}, "<html>"
            return (429, {"Retry-After": "0"}, "") if kind == "429" else None

    def take_cut(self, path: str) -> int | None:
        with self._guard:
            kind = self._choose(path, ("", "", "closed", "reset", "other range", "part", "no ranges"))
            self.reset = kind == "reset"
            self.shift_range = 1000 if kind == "other range" else 0
            self.part_of_range = 200_000 if kind == "part" else 0
            self.ignore_range = kind == "no ranges"
            if kind not in ("closed", "reset"):
                self._failed[path] = 0
                return None
            return self._random.randrange(70_000, 400_000)

    def _choose(self, path: str, kinds: tuple[str, ...]) -> str:
        kind = self._random.choice(kinds)
        if kind in ("503", "429", "closed", "reset"):
            if self._failed[path] == _IN_A_ROW:
                return ""
            self._failed[path] += 1
        if kind:
            self.kinds[kind] += 1
        return kind


@pytest.mark.root
@pytest.mark.parametrize("seed", range(6))
def test_chaos(store: Store, registry: SampleRegistry, seed: int) -> None:
    name = registry.push("demo", "1", index([SAMPLE], attestations=True))
    registry.auth = Auth("bearer")
    with another(SAMPLE) as storage:
        failed: Counter[str] = Counter()
        registry.faults = Chaos(seed, registry, failed)
        if seed % 2:
            registry.faults.redirect = storage.url
            storage.faults = Chaos(seed + 1000, storage, failed)
        pulled = pull_from(store, name, fetch_only=False, at_once=3)
        assert sum(registry.faults.kinds.values()) > 3
    assert [part.digest for part in pulled.layers] == [part.digest for part in SAMPLE.layers]
    assert_whole(store, name, SAMPLE, extracted=True)

"""What tests that kill share: processes that start at once, and chance that can be repeated."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.crashes.processes import Workshop
from worker.engine.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store")
    store.prepare()
    return store


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    scratch = tmp_path / "results"
    scratch.mkdir()
    with Workshop(scratch) as workshop:
        yield workshop


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """Other instants each time; a failure says how to repeat it."""
    seed = int(os.environ.get("STRATA_TEST_SEED", "0")) or random.SystemRandom().getrandbits(32)
    request.node.add_report_section("setup", "seed", f"STRATA_TEST_SEED={seed}")
    return random.Random(seed)

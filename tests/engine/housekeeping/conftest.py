"""A store and a registry, each of its own per test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from samples.registry import SampleRegistry
from worker.engine.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store")
    store.prepare()
    return store


@pytest.fixture
def registry() -> Iterator[SampleRegistry]:
    with SampleRegistry() as registry:
        yield registry

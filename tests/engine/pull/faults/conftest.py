"""A registry with an image, and pauses between attempts that a test can wait for."""

from __future__ import annotations

import pytest

from samples.registry import SampleRegistry
from tests.engine.pull.faults.helpers import BIG, IMAGE
from worker.engine.errors import RegistryError
from worker.engine.registry import RetryPolicy


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Own pauses take a fiftieth; what a registry asks for is not touched."""
    decide = RetryPolicy.delay

    def delay(policy: RetryPolicy, error: RegistryError, attempt: int) -> float | None:
        found = decide(policy, error, attempt)
        return (
            found if found is None else (error.retry_after or 0.0) + (found - (error.retry_after or 0.0)) / 50
        )

    monkeypatch.setattr(RetryPolicy, "delay", delay)


@pytest.fixture
def name(registry: SampleRegistry) -> str:
    """The image, with the faults of its big layer only."""
    registry.faults.where = f"/blobs/{BIG.digest}"
    return registry.push("demo", "1", IMAGE)

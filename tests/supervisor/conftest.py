from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from tests.support.processes import kill_marked


@pytest.fixture
def mark() -> Iterator[str]:
    """A mark for the environment of everything that the test starts; it is all gone afterwards."""
    value = uuid.uuid4().hex
    yield value
    kill_marked(value)

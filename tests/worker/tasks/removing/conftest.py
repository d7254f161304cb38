"""Pulls whose trees are measured."""

from __future__ import annotations

from typing import Any

import pytest

from tests.worker.tasks.helpers import Pull
from worker.engine.store import Store
from worker.models import Image
from worker.tasks.weighing import weigh_trees


@pytest.fixture
def pull(pull: Pull, store: Store) -> Pull:
    """Pull as a worker does, and measure what it takes."""

    def bring(*arguments: Any, **named: Any) -> Image:
        image = pull(*arguments, **named)
        weigh_trees(store)
        return image

    return bring

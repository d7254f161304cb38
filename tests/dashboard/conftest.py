"""What tests of pages share."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from dashboard.queries.search_index import forget_stacks
from tests.conftest import Users
from tests.dashboard.doors import client_of


@pytest.fixture(autouse=True)
def _empty_cache() -> Iterator[None]:
    """Counters and figures that another test left would be true of other rows."""
    cache.clear()
    forget_stacks()
    yield
    cache.clear()


@pytest.fixture
def viewer(users: Users) -> Client:
    """A viewer's browser."""
    return client_of(users.viewer)


@pytest.fixture
def operator(users: Users) -> Client:
    """An operator's browser."""
    return client_of(users.operator)


@pytest.fixture
def queries_of() -> Callable[..., int]:
    """Counts the queries of a call; of its second time, so that sessions and caches are settled."""

    def count(call: Callable[..., object], *arguments: object, **options: object) -> int:
        call(*arguments, **options)
        with CaptureQueriesContext(connection) as captured:
            call(*arguments, **options)
        return len(captured)

    return count

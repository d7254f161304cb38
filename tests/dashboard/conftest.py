"""What tests of pages share."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext


@pytest.fixture(autouse=True)
def _empty_cache() -> Iterator[None]:
    """Counters and figures that another test left would be true of other rows."""
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def sign_in() -> Callable[[User], Client]:
    """A browser in which somebody is signed in."""

    def signed_in(user: User, **options: object) -> Client:
        client = Client(**options)  # type: ignore[arg-type]
        client.force_login(user)
        return client

    return signed_in


@pytest.fixture
def queries_of() -> Callable[..., int]:
    """Counts the queries of a call; of its second time, so that sessions and caches are settled."""

    def count(call: Callable[..., object], *arguments: object, **options: object) -> int:
        call(*arguments, **options)
        with CaptureQueriesContext(connection) as captured:
            call(*arguments, **options)
        return len(captured)

    return count

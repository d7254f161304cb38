"""Asking while somebody waits."""

from __future__ import annotations

import pytest

from worker.engine.registry import Endpoint
from worker.engine.registry.patience import SECONDS, impatient


@pytest.mark.parametrize("count", [1, 2, 10])
def test_mirrors_that_do_not_answer_leave_time_for_the_registry(count: int) -> None:
    """However many they are: each of them may use up all that it gets, once with TLS and once without."""
    mirrors = tuple(Endpoint(f"m{number}.example", insecure=True) for number in range(count))
    hurried = impatient(Endpoint("r.example", mirrors=mirrors))
    waited = sum(mirror.connect_timeout + mirror.stall_timeout for mirror in hurried.mirrors)
    assert waited <= SECONDS - hurried.connect_timeout
    assert [mirror.host for mirror in hurried.mirrors] == [mirror.host for mirror in mirrors]


def test_mirrors_that_are_asked_at_the_same_time_need_not_share() -> None:
    mirrors = tuple(Endpoint(f"m{number}.example") for number in range(10))
    hurried = impatient(Endpoint("r.example", mirrors=mirrors), in_turn=False)
    limits = {(one.connect_timeout, one.stall_timeout) for one in (hurried, *hurried.mirrors)}
    assert len(limits) == 1

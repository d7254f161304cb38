"""Endpoints."""

from __future__ import annotations

import pytest

from worker.engine.registry import Endpoint


@pytest.mark.parametrize(
    ("host", "api_host"),
    [("docker.io", "registry-1.docker.io"), ("ghcr.io", "ghcr.io"), ("localhost:5000", "localhost:5000")],
)
def test_the_hub_answers_elsewhere(host: str, api_host: str) -> None:
    assert Endpoint(host).api_host == api_host


def test_waits_ten_seconds_to_connect_and_a_minute_for_the_next_byte() -> None:
    assert (Endpoint("host").connect_timeout, Endpoint("host").stall_timeout) == (10, 60)

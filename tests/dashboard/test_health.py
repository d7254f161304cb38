"""What a load balancer is told."""

from __future__ import annotations

import pytest
from django.db import OperationalError
from django.test import Client

from tests.support.redis import RedisServer


@pytest.mark.django_db
def test_all_well(client: Client, redis_server: RedisServer) -> None:
    response = client.get("/healthz")
    assert response.status_code == 200
    assert response.json() == {"status": "ok", "database": "ok", "redis": "ok"}


@pytest.mark.django_db
def test_without_redis_it_says_so(client: Client) -> None:
    response = client.get("/healthz")
    assert response.status_code == 503
    assert response.json() == {"status": "degraded", "database": "ok", "redis": "down"}


@pytest.mark.django_db
def test_without_the_database_it_says_so(
    client: Client, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down() -> None:
        raise OperationalError("gone")

    monkeypatch.setattr("dashboard.views.health.connection.cursor", down)
    response = client.get("/healthz")
    assert response.status_code == 503
    assert response.json()["database"] == "down"


@pytest.mark.django_db
def test_it_is_only_read_and_never_cached(client: Client) -> None:
    assert client.post("/healthz").status_code == 405
    assert "no-store" in client.get("/healthz")["Cache-Control"]

"""A registry's own rate limit: read, passed on, and heeded."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from samples.images import SampleImage
from samples.pulls import PullLimit
from samples.registry import SampleRegistry
from tests.engine.registry.conftest import BIG, BLOB, QUICK
from worker.engine.errors import RateLimited
from worker.engine.oci import Reference
from worker.engine.registry import Endpoint, RateLimit, RegistryClient
from worker.engine.registry.rate_limit import parse_rate_limit, refused

HUB = {
    "ratelimit-limit": "100;w=21600",
    "ratelimit-remaining": "76;w=21600",
    "docker-ratelimit-source": "192.0.2.1",
}
Seen = list[tuple[str, RateLimit]]


@pytest.fixture
def seen() -> Seen:
    return []


@pytest.fixture
def client(registry: SampleRegistry, seen: Seen) -> Iterator[RegistryClient]:
    endpoint = Endpoint(registry.host, insecure=True)
    with RegistryClient(
        endpoint, retries=QUICK, on_rate_limit=lambda host, limit: seen.append((host, limit))
    ) as opened:
        yield opened


def test_docker_hubs_headers() -> None:
    assert parse_rate_limit(HUB) == RateLimit(100, 76, 21_600, "192.0.2.1")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"ratelimit-remaining": "76"}, RateLimit(100, 76, 21_600, "192.0.2.1")),
        ({"ratelimit-limit": "100", "ratelimit-remaining": "76"}, RateLimit(100, 76, 0, "192.0.2.1")),
        ({"ratelimit-remaining": "176;w=1"}, RateLimit(100, 100, 1, "192.0.2.1")),
        ({"ratelimit-reset": "30"}, RateLimit(100, 76, 21_600, "192.0.2.1", 30)),
        ({"docker-ratelimit-source": "a\r\nb" * 99}, RateLimit(100, 76, 21_600, ("ab" * 99)[:100])),
        ({"ratelimit-limit": ""}, None),
        ({"ratelimit-limit": "many"}, None),
        ({"ratelimit-limit": "0;w=1"}, None),
        ({"ratelimit-remaining": "-1;w=1"}, None),
        ({"ratelimit-remaining": "9" * 400}, None),
    ],
)
def test_what_else_may_be_sent(changes: dict[str, str], expected: RateLimit | None) -> None:
    assert parse_rate_limit({**HUB, **changes}) == expected


def test_a_moment_instead_of_seconds() -> None:
    found = parse_rate_limit({**HUB, "ratelimit-reset": str(int(time.time()) + 100)})
    assert found is not None
    assert found.reset is not None
    assert 90 < found.reset <= 100


def test_a_long_header_costs_nothing() -> None:
    """One that is folded has ends of lines in it; to look for more in this one would take ten seconds."""
    before = time.monotonic()
    assert parse_rate_limit({**HUB, "ratelimit-limit": "100;" + "w=1 " * 16_000 + "\n"}) is not None
    assert time.monotonic() - before < 5


def test_each_change_is_told_once(
    client: RegistryClient, registry: SampleRegistry, reference: Reference, seen: Seen
) -> None:
    registry.pulls = PullLimit(100, used=24)
    client.resolve(reference)
    client.resolve(reference)
    assert seen == [(registry.host, RateLimit(100, 76, 21_600, "192.0.2.1"))]
    client.manifest(reference)
    assert [limit.remaining for _, limit in seen] == [76, 75]


def test_nothing_is_told_of_no_limit(client: RegistryClient, reference: Reference, seen: Seen) -> None:
    client.manifest(reference)
    assert seen == []


def test_what_would_be_refused_is_not_asked_for(
    client: RegistryClient, registry: SampleRegistry, reference: Reference, sample: SampleImage
) -> None:
    """To look (by HEAD) costs nothing; and the error says when it works again."""
    registry.pulls = PullLimit(100, used=100)
    assert client.resolve(reference).digest == sample.digest
    with pytest.raises(RateLimited) as caught:
        client.manifest(("team/app", sample.digest))
    assert "none of 100 pulls in 6 hours is left (counted for 192.0.2.1)" in caught.value.message
    assert "It works again at the latest at " in caught.value.message
    assert caught.value.retry_after == 21_600
    assert [request.method for request in registry.requests if "manifests" in request.path] == ["HEAD"]


def test_the_last_pull_can_be_used_up(
    client: RegistryClient, registry: SampleRegistry, reference: Reference, sample: SampleImage
) -> None:
    """An image counts once: its other manifests are asked for, whatever the first answer said is left."""
    registry.pulls = PullLimit(100, used=99)
    client.resolve(reference)
    client.manifest(reference)
    registry.pulls.limit += 1
    client.manifest(("team/app", sample.digest))
    with client.open_blob("team/app", BLOB) as stream:
        assert b"".join(stream) == BIG.blob


def test_a_reserve_is_left_to_others(registry: SampleRegistry, reference: Reference) -> None:
    registry.pulls = PullLimit(100, used=90)
    endpoint = Endpoint(registry.host, insecure=True, reserve=0.1)
    with RegistryClient(endpoint, retries=QUICK) as client:
        client.resolve(reference)
        with pytest.raises(RateLimited, match=r"10 of 100 pulls in 6 hours are left .*, and those are kept"):
            client.manifest(reference)
    with RegistryClient(replace(endpoint, reserve=0.09), retries=QUICK) as client:
        client.resolve(reference)
        client.manifest(reference)


def test_a_refusal_is_not_answered_by_asking_again(
    client: RegistryClient, registry: SampleRegistry, reference: Reference
) -> None:
    registry.pulls = PullLimit(100, used=100)
    with pytest.raises(RateLimited, match="It works again at the latest at"):
        client.manifest(reference)
    assert len([request for request in registry.requests if "manifests" in request.path]) == 1


def test_when_it_works_again() -> None:
    assert "at the latest" not in refused("No.", None, 3600).message
    assert refused("No.", None, 3600).retry_after == 3600
    assert "works again at" in refused("No.", None, 3600).message
    assert refused("No.", None, 2).message == "No."
    assert refused("No.", RateLimit(1, 0, 10), 2).retry_after == 2
    assert refused("No.", RateLimit(10, 5, 10), None).retry_after is None
    tomorrow = refused("No.", None, 2 * 86_400).message
    assert " on " in tomorrow

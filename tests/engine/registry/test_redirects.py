"""Redirects: followed, bounded, and never with secrets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from samples.images import SampleImage
from samples.registry import Auth, SampleRegistry
from tests.engine.registry.conftest import BIG, BLOB, QUICK
from worker.engine.errors import RegistryMisbehaved
from worker.engine.registry import Credentials, Endpoint, RegistryClient

ALICE = Credentials("alice", "secret")


@pytest.fixture
def storage(sample: SampleImage) -> Iterator[SampleRegistry]:
    """Another host, to which blobs are redirected."""
    with SampleRegistry() as running:
        running.push("team/app", "1", sample)
        yield running


@pytest.mark.parametrize("kind", ["basic", "bearer"])
def test_credentials_stay_behind(registry: SampleRegistry, storage: SampleRegistry, kind: str) -> None:
    registry.auth = Auth(kind, ALICE.username, ALICE.password)
    registry.faults.redirect = storage.url
    endpoint = Endpoint(registry.host, insecure=True, credentials=ALICE)
    with RegistryClient(endpoint, retries=QUICK) as client, client.open_blob("team/app", BLOB, 5) as stream:
        assert b"".join(stream) == BIG.blob[5:]
    assert any("authorization" in request.headers for request in registry.requests)
    assert [request.headers.get("range") for request in storage.requests] == ["bytes=5-"]
    assert not any("authorization" in request.headers for request in storage.requests)


def test_a_loop_ends(client: RegistryClient, registry: SampleRegistry) -> None:
    client.ping()
    registry.faults.redirect = registry.url
    with pytest.raises(RegistryMisbehaved, match="in a circle"):
        client.open_blob("team/app", BLOB)
    assert len([path for path in registry.paths() if "/blobs/" in path]) == 6


@pytest.mark.parametrize("target", ["ftp://x", "file://", "javascript:x", "http://[::1"])
def test_only_to_web_addresses(client: RegistryClient, registry: SampleRegistry, target: str) -> None:
    registry.faults.redirect = target
    with pytest.raises(RegistryMisbehaved, match="not a web address"):
        client.open_blob("team/app", BLOB)


def test_never_from_tls_to_plain_http(sample: SampleImage, storage: SampleRegistry) -> None:
    with SampleRegistry(tls=True) as registry:
        registry.push("team/app", "1", sample)
        registry.faults.redirect = storage.url
        with RegistryClient(Endpoint(registry.host, ca_file=registry.ca_file)) as client:
            with pytest.raises(RegistryMisbehaved, match="from TLS to plain HTTP"):
                client.open_blob("team/app", BLOB)
    assert storage.requests == []


def test_a_redirect_without_an_address_is_an_odd_status(
    client: RegistryClient, registry: SampleRegistry
) -> None:
    registry.faults.where = "blobs"
    registry.faults.fail(302)
    with pytest.raises(RegistryMisbehaved, match="302"):
        client.open_blob("team/app", BLOB)

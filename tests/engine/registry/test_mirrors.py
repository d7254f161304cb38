"""Mirrors: asked in order, believed in nothing, and passed over when they do not help."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from samples.images import SampleImage, image, layer
from samples.registry import Auth, SampleRegistry
from tests.engine.registry.conftest import BIG, BLOB, QUICK
from worker.engine import registry as engine
from worker.engine.errors import ConnectionLost, RegistryUnavailable, TagNotFound
from worker.engine.oci import Digest, Reference
from worker.engine.registry import Credentials, Endpoint, RegistryClient

OTHER = image([layer({"etc/motd": b"other"})])


@pytest.fixture
def mirror(sample: SampleImage) -> Iterator[SampleRegistry]:
    """Has what the registry has."""
    with SampleRegistry() as running:
        running.push("team/app", "1", sample)
        yield running


@pytest.fixture
def second(sample: SampleImage) -> Iterator[SampleRegistry]:
    with SampleRegistry() as running:
        running.push("team/app", "1", sample)
        yield running


@pytest.fixture
def endpoint(registry: SampleRegistry, mirror: SampleRegistry) -> Endpoint:
    return Endpoint(registry.host, insecure=True, mirrors=(Endpoint(mirror.host, insecure=True),))


@pytest.fixture
def client(endpoint: Endpoint) -> Iterator[RegistryClient]:
    with RegistryClient(endpoint, retries=QUICK) as opened:
        yield opened


def asked(registry: SampleRegistry) -> list[str]:
    """What it was asked for, beyond what it speaks."""
    return [request.path for request in registry.requests if request.path != "/v2/"]


def content(client: RegistryClient) -> bytes:
    with client.open_blob("team/app", BLOB) as stream:
        return b"".join(stream)


def test_a_mirror_spares_the_registry_everything(
    client: RegistryClient,
    registry: SampleRegistry,
    mirror: SampleRegistry,
    reference: Reference,
    sample: SampleImage,
) -> None:
    """Tags too; and what is unchanged costs one request there."""
    assert client.resolve(reference).digest == sample.digest
    assert len(asked(mirror)) == 1
    assert client.manifest(("team/app", sample.digest)).raw == sample.raw
    assert content(client) == BIG.blob
    assert registry.requests == []


def test_an_outdated_mirror_is_believed_about_tags_unless_told_not_to(
    endpoint: Endpoint,
    registry: SampleRegistry,
    mirror: SampleRegistry,
    reference: Reference,
    sample: SampleImage,
) -> None:
    registry.push("team/app", "1", OTHER)
    with RegistryClient(endpoint, retries=QUICK) as client:
        assert client.resolve(reference).digest == sample.digest
    mirror.requests.clear()
    with RegistryClient(replace(endpoint, mirror_tags=False), retries=QUICK) as client:
        assert client.resolve(reference).digest == OTHER.digest
        assert client.manifest(reference).digest == OTHER.digest
        assert asked(mirror) == []
        client.manifest(("team/app", sample.digest))
        assert len(asked(mirror)) == 1


def test_they_are_asked_in_order(
    registry: SampleRegistry, mirror: SampleRegistry, second: SampleRegistry, sample: SampleImage
) -> None:
    mirrors = tuple(Endpoint(host, insecure=True) for host in (second.host, mirror.host))
    endpoint = Endpoint(registry.host, insecure=True, mirrors=mirrors)
    with RegistryClient(endpoint, retries=QUICK) as client:
        client.manifest(("team/app", sample.digest))
        assert (len(asked(second)), len(asked(mirror)), len(asked(registry))) == (1, 0, 0)
        second.faults.missing = mirror.faults.missing = "/blobs/"
        content(client)
    assert [len(asked(host)) for host in (second, mirror, registry)] == [2, 1, 1]


@pytest.mark.parametrize(
    "fault",
    [
        {"page": True},
        {"missing": "/"},
        {"corrupt": True},
        {"digest": str(Digest.of(b"something else"))},
    ],
    ids=lambda fault: next(iter(fault)),
)
def test_what_does_not_help_is_passed_over(
    client: RegistryClient,
    registry: SampleRegistry,
    mirror: SampleRegistry,
    sample: SampleImage,
    fault: dict[str, object],
) -> None:
    for name, value in fault.items():
        setattr(mirror.faults, name, value)
    assert client.manifest(("team/app", sample.digest)).raw == sample.raw
    assert len(asked(registry)) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 429, 500, 503])
def test_so_is_what_refuses(
    client: RegistryClient, mirror: SampleRegistry, sample: SampleImage, status: int
) -> None:
    mirror.faults.fail(status, times=9)
    assert client.manifest(("team/app", sample.digest)).raw == sample.raw


def test_so_is_what_is_not_there(
    registry: SampleRegistry, closed_port: int, sample: SampleImage, mirror: SampleRegistry
) -> None:
    gone = (Endpoint(f"127.0.0.1:{closed_port}"), Endpoint("mirror.invalid"), Endpoint(mirror.host))
    endpoint = Endpoint(registry.host, insecure=True, mirrors=gone)  # the last has no TLS, and no leave
    with RegistryClient(endpoint, retries=QUICK) as client:
        assert client.manifest(("team/app", sample.digest)).raw == sample.raw


def test_a_mirror_that_failed_is_left_alone_for_a_while(
    client: RegistryClient, mirror: SampleRegistry, sample: SampleImage
) -> None:
    """Or each layer would wait for its time limits anew."""
    mirror.faults.fail(500, times=99)
    for _ in range(5):
        client.manifest(("team/app", sample.digest))
    assert len([path for path in asked(mirror) if "manifests" in path]) <= 1


def test_one_that_only_lacks_something_is_asked_for_the_rest(
    client: RegistryClient, mirror: SampleRegistry, registry: SampleRegistry, sample: SampleImage
) -> None:
    mirror.faults.missing = str(BLOB.digest)
    content(client)
    client.manifest(("team/app", sample.digest))
    assert [path.rpartition("/")[2] for path in asked(registry)] == [str(BLOB.digest)]


def test_a_blob_that_breaks_off_goes_on_at_the_same_byte_elsewhere(
    client: RegistryClient, registry: SampleRegistry, mirror: SampleRegistry
) -> None:
    mirror.faults.cut = 1_000_000
    received: list[bytes] = []
    with client.open_blob("team/app", BLOB) as stream, pytest.raises(ConnectionLost):
        received.extend(stream)
    so_far = sum(map(len, received))
    assert 0 < so_far <= 1_000_000
    with client.open_blob("team/app", BLOB, so_far) as stream:
        received.extend(stream)
    assert b"".join(received) == BIG.blob
    assert [request.headers.get("range") for request in registry.requests if "blobs" in request.path] == [
        f"bytes={so_far}-"
    ]


def test_who_sent_wrong_bytes_is_not_asked_again(
    client: RegistryClient, mirror: SampleRegistry, registry: SampleRegistry
) -> None:
    mirror.faults.corrupt = True
    assert Digest.of(content(client)) != BLOB.digest
    assert client.blame(BLOB.digest)
    assert content(client) == BIG.blob
    assert not client.blame(BLOB.digest)


def test_the_registry_has_the_last_word(
    client: RegistryClient, registry: SampleRegistry, mirror: SampleRegistry
) -> None:
    """Its answer is the error, and what the mirrors said is told too."""
    with pytest.raises(TagNotFound) as caught:
        client.resolve(Reference.parse(f"{registry.host}/team/app:none"))
    assert caught.value.message.startswith(f"{registry.host} has no tag none")
    assert f"mirror {mirror.host}" in caught.value.message


def test_where_only_the_mirror_can_be_reached_it_is_tried_again(
    mirror: SampleRegistry, sample: SampleImage
) -> None:
    mirror.faults.fail(503, times=3)
    endpoint = Endpoint("registry.invalid", mirrors=(Endpoint(mirror.host, insecure=True),))
    with RegistryClient(endpoint, retries=QUICK) as client:
        assert client.manifest(("team/app", sample.digest)).raw == sample.raw
    mirror.faults.fail(503, times=99)
    with RegistryClient(endpoint, retries=QUICK) as client, pytest.raises(RegistryUnavailable) as caught:
        client.manifest(("team/app", sample.digest))
    assert "registry.invalid is unknown" in caught.value.message


def test_a_project_of_a_caching_registry_stands_before_every_name(
    registry: SampleRegistry, mirror: SampleRegistry, sample: SampleImage
) -> None:
    mirror.push("hub/team/app", "1", sample)
    mirror.auth = Auth("bearer", "bot", "secret")
    cache = Endpoint(mirror.host, insecure=True, prefix="hub", credentials=Credentials("bot", "secret"))
    endpoint = Endpoint(registry.host, insecure=True, mirrors=(cache,))
    with RegistryClient(endpoint, retries=QUICK) as client:
        client.manifest(("team/app", sample.digest))
        content(client)
    assert registry.requests == []
    manifests = [path for path in asked(mirror) if path.startswith("/v2/")]
    assert all(path.startswith("/v2/hub/team/app/") for path in manifests)
    assert any("scope=repository%3Ahub%2Fteam%2Fapp%3Apull" in path for path in asked(mirror))


def test_a_mirror_sees_no_credentials_but_its_own(
    registry: SampleRegistry, mirror: SampleRegistry, sample: SampleImage
) -> None:
    registry.auth = mirror.auth = Auth("basic", "alice", "secret")
    endpoint = Endpoint(
        registry.host,
        insecure=True,
        credentials=Credentials("alice", "secret"),
        mirrors=(Endpoint(mirror.host, insecure=True),),
    )
    with RegistryClient(endpoint, retries=QUICK) as client:
        client.manifest(("team/app", sample.digest))
    assert not any("authorization" in request.headers for request in mirror.requests)


def test_the_connection_test_tries_each(
    registry: SampleRegistry, mirror: SampleRegistry, closed_port: int
) -> None:
    mirrors = (Endpoint(mirror.host, insecure=True), Endpoint(f"127.0.0.1:{closed_port}", prefix="hub"))
    report = engine.test_connection(Endpoint(registry.host, insecure=True, mirrors=mirrors))
    assert report.ok
    assert [(found.host, found.ok) for found in report.mirrors] == [
        (mirror.host, True),
        (f"127.0.0.1:{closed_port}/hub", False),
    ]
    assert report.mirrors[1].steps[-1].name == "TCP"

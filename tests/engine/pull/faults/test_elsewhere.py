"""Answers that lead to other hosts: secrets stay at home, and strangers do not choose what is asked there."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from samples.registry import Auth, SampleRegistry
from tests.engine.pull.faults.helpers import (
    BIG,
    IMAGE,
    another,
    assert_whole,
    fails,
    fails_keeping,
    foreign,
    pull_from,
    ranges,
    secrets_of,
    served,
)
from worker.engine.errors import (
    BlobNotFound,
    DigestMismatch,
    RegistryMisbehaved,
    RegistryUnavailable,
)
from worker.engine.registry import Credentials
from worker.engine.store import Store

ALICE = Credentials("alice", "secret")


@pytest.fixture
def storage() -> Iterator[SampleRegistry]:
    """Another host that has the blobs."""
    with another(IMAGE) as running:
        yield running


class TestRedirects:
    @pytest.mark.parametrize("kind", ["basic", "bearer"])
    def test_credentials_stay_home(
        self, store: Store, registry: SampleRegistry, storage: SampleRegistry, name: str, kind: str
    ) -> None:
        registry.auth = Auth(kind, "alice", "secret")
        registry.faults.redirect = storage.url
        storage.faults.cut, storage.faults.cut_times = 1_000_000, 2
        pull_from(store, name, credentials=ALICE)
        assert ranges(storage) == ["", "bytes=1000000-", "bytes=2000000-"]
        assert secrets_of(registry) != []
        assert secrets_of(storage) == []
        assert_whole(store, name, IMAGE)

    def test_to_tls_and_another_port(self, store: Store, registry: SampleRegistry, name: str) -> None:
        registry.auth = Auth("basic", "alice", "secret")
        with another(IMAGE, tls=True) as storage:
            registry.faults.redirect = storage.url
            pull_from(store, name, credentials=ALICE, ca_file=storage.ca_file)
            assert served(storage) == BIG.size
            assert secrets_of(storage) == []
        assert_whole(store, name, IMAGE)

    def test_credentials_that_were_left_behind_do_not_come_back(
        self, store: Store, registry: SampleRegistry, storage: SampleRegistry, name: str
    ) -> None:
        """The other host leads back, to an address of its choice; what it gets is what anybody gets."""
        registry.auth = Auth("basic", "alice", "secret")
        registry.faults.location = f"{storage.url}/v2/demo/blobs/{BIG.digest}"
        storage.faults.location = f"{registry.url}/v2/secret/blobs/{BIG.digest}"
        error = fails_keeping(store, name, RegistryUnavailable, credentials=ALICE)
        assert "401" in error.message
        back = [request for request in registry.requests if "/secret/" in request.path]
        assert back
        assert all("authorization" not in request.headers for request in back)

    @pytest.mark.parametrize(
        "there", ["/v2/other/blobs/{}", "../../other/blobs/{}", "//{host}/v2/other/blobs/{}#x"]
    )
    def test_relative_ones(self, store: Store, registry: SampleRegistry, there: str) -> None:
        """On the same host the credentials go along: it is the registry's own."""
        name = registry.push("demo", "1", IMAGE)
        registry.auth = Auth("basic", "alice", "secret")
        registry.faults.where = f"/v2/demo/blobs/{BIG.digest}"
        registry.faults.location = there.format(BIG.digest, host=registry.host)
        pull_from(store, name, credentials=ALICE)
        assert served(registry) == BIG.size
        assert_whole(store, name, IMAGE)

    def test_of_manifests(
        self, store: Store, registry: SampleRegistry, storage: SampleRegistry, name: str
    ) -> None:
        registry.auth = Auth("basic", "alice", "secret")
        where = f"{storage.url}/v2/demo/manifests/1"
        registry.faults.where = "/manifests/1"
        registry.faults.fail(307, headers={"Location": where})
        pull_from(store, name, credentials=ALICE)
        assert "/v2/demo/manifests/1" in storage.paths("HEAD")
        assert secrets_of(storage) == []
        assert_whole(store, name, IMAGE)

    def test_in_a_circle(
        self, store: Store, registry: SampleRegistry, storage: SampleRegistry, name: str
    ) -> None:
        registry.faults.redirect, storage.faults.redirect = storage.url, registry.url
        error = fails_keeping(store, name, RegistryMisbehaved)
        assert "in a circle" in error.message
        assert not error.temporary
        assert len(ranges(registry)) + len(ranges(storage)) == 6

    def test_through_a_hundred_addresses(self, store: Store, registry: SampleRegistry, name: str) -> None:
        """Each another one: no circle, and no end that anybody would wait for."""
        for step in range(100):
            registry.faults.fail(302, headers={"Location": f"/v2/demo/blobs/{BIG.digest}?step={step}"})
        error = fails_keeping(store, name, RegistryMisbehaved)
        assert "more than 5 times" in error.message
        assert len(ranges(registry)) == 6

    @pytest.mark.parametrize(
        "there",
        [
            "ftp://x/",
            "file:///etc/shadow",
            "gopher://x:70/",
            "http://[::1",
            "http://" + "x." * 500 + "test/",
            "http://x:0/",
        ],
    )
    def test_to_what_is_no_web_address(
        self, store: Store, registry: SampleRegistry, name: str, there: str
    ) -> None:
        registry.faults.location = there
        error = fails_keeping(store, name, RegistryMisbehaved)
        assert "not a web address" in error.message

    def test_from_tls_to_plain_http(self, store: Store, storage: SampleRegistry) -> None:
        with another(IMAGE, tls=True) as registry:
            registry.faults.where = str(BIG.digest)
            registry.faults.redirect = storage.url
            error = fails_keeping(
                store, f"{registry.host}/demo:1", RegistryMisbehaved, insecure=False, ca_file=registry.ca_file
            )
        assert "from TLS to plain HTTP" in error.message
        assert storage.requests == []

    def test_a_link_that_has_expired_is_asked_for_again(
        self, store: Store, registry: SampleRegistry, storage: SampleRegistry, name: str
    ) -> None:
        registry.faults.redirect = storage.url
        storage.faults.fail(403, times=2, body="<Error><Code>AccessDenied</Code></Error>")
        pull_from(store, name)
        assert len(ranges(registry)) == 3
        assert_whole(store, name, IMAGE)

    def test_storage_that_lies(
        self, store: Store, registry: SampleRegistry, storage: SampleRegistry, name: str
    ) -> None:
        registry.faults.redirect = storage.url
        storage.faults.corrupt = True
        fails(store, name, DigestMismatch)


class TestRequestsFromTheInside:
    """Nobody outside decides what this machine asks inside (docs/security.md)."""

    @pytest.mark.parametrize(
        "there",
        [
            "http://169.254.169.254/latest",
            "http://[fe80::1]/",
            "http://[::ffff:169.254.169.254]/",
            "http://[fd00:ec2::254]/",
        ],
    )
    def test_a_redirect_to_the_link(
        self, store: Store, registry: SampleRegistry, name: str, there: str
    ) -> None:
        registry.faults.location = there
        error = fails_keeping(store, name, RegistryMisbehaved)
        assert "The registry leads to" in error.message
        assert "nothing was sent" in error.message
        assert not error.temporary

    @pytest.mark.parametrize("realm", ["http://169.254.169.254/token", "http://metadata.link-local.test/"])
    def test_a_token_server_on_the_link(
        self, store: Store, registry: SampleRegistry, name: str, realm: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """By its address, or by a name that means one."""
        real = socket.getaddrinfo

        def look_up(host: str, port: int, **given: Any) -> list[Any]:
            return real("169.254.169.254" if host.endswith(".test") else host, port, **given)

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        registry.auth = Auth("bearer", "alice", "secret", realm=realm)
        error = fails(store, name, RegistryMisbehaved, credentials=ALICE)
        assert "nothing was sent" in error.message

    def test_a_redirect_to_this_machine(self, store: Store, own_address: str) -> None:
        """From a registry that stands elsewhere: here on another address of this machine."""
        with another(IMAGE, address=own_address) as registry, another(IMAGE) as inside:
            registry.faults.where = str(BIG.digest)
            registry.faults.redirect = inside.url
            error = fails_keeping(store, f"{registry.host}/demo:1", RegistryMisbehaved)
            assert f"leads to {inside.host}" in error.message
            for name in ("localhost", "[::1]", "0.0.0.0", "127.9.9.9"):
                registry.faults.redirect = f"http://{name}:{inside.host.rpartition(':')[2]}"
                fails_keeping(store, f"{registry.host}/demo:1", RegistryMisbehaved)
            assert inside.connections == 0

    def test_a_foreign_layer_in_a_private_network(self, store: Store, registry: SampleRegistry) -> None:
        """What a registry may name, an image may not: anybody can be its author."""
        for there in (
            "http://10.0.0.1/",
            "http://192.168.0.1:8080/x",
            "http://[fd00::1]/",
            "http://100.64.0.1/",
        ):
            name = registry.push("demo", "1", foreign(there))
            registry.blobs.pop(BIG.digest, None)
            error = fails_keeping(store, name, BlobNotFound)
            assert "The image leads to" in error.message


@pytest.fixture
def own_address() -> str:
    """An address of this machine that others can reach."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
        try:
            sock.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            pytest.skip("this machine has no network")
        address: str = sock.getsockname()[0]
        return address

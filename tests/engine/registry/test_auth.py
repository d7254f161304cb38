"""Tokens and passwords: got, kept, renewed, and never given away."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from samples.images import SampleImage
from samples.registry import Auth, SampleRegistry
from tests.engine.registry.conftest import BLOB, QUICK
from worker.engine.errors import Forbidden, RegistryMisbehaved, Unauthorized
from worker.engine.oci import Reference
from worker.engine.registry import Credentials, Endpoint, RegistryClient
from worker.engine.registry.tokens import read_token

ALICE = Credentials("alice", "wonder:land ü")


def client_of(registry: SampleRegistry, credentials: Credentials | None = None) -> RegistryClient:
    return RegistryClient(Endpoint(registry.host, insecure=True, credentials=credentials), retries=QUICK)


def token_requests(registry: SampleRegistry) -> list[str]:
    return [path for path in registry.paths() if path.startswith("/token")]


def test_an_anonymous_token_is_fetched_once_and_used_for_all(
    registry: SampleRegistry, reference: Reference, sample: SampleImage
) -> None:
    registry.auth = Auth("bearer")
    with client_of(registry) as client:
        client.resolve(reference)
        client.manifest(reference)
        with client.open_blob("team/app", BLOB) as stream:
            list(stream)
    assert token_requests(registry) == ["/token?service=sample&scope=repository%3Ateam%2Fapp%3Apull"]
    assert len([request for request in registry.requests if request.path.endswith("/manifests/1")]) == 3


def test_the_password_goes_to_the_token_server_and_the_token_to_the_registry(
    registry: SampleRegistry, reference: Reference
) -> None:
    registry.auth = Auth("bearer", ALICE.username, ALICE.password)
    with client_of(registry, ALICE) as client:
        client.manifest(reference)
    for request in registry.requests:
        sent = request.headers.get("authorization", "")
        assert sent.startswith("Basic ") == request.path.startswith("/token")


def test_each_repository_has_its_own_token(registry: SampleRegistry, sample: SampleImage) -> None:
    registry.auth = Auth("bearer")
    registry.push("other", "1", sample)
    with client_of(registry) as client:
        for name in ("team/app", "other", "team/app"):
            client.manifest((name, sample.digest))
    assert len(token_requests(registry)) == 2


def test_a_token_that_is_used_up_is_renewed(registry: SampleRegistry, reference: Reference) -> None:
    registry.auth = Auth("bearer", lifetime=1)
    with client_of(registry) as client:
        for _ in range(3):
            client.manifest(reference)
    assert len(token_requests(registry)) == 3


def test_many_threads_share_one_token(registry: SampleRegistry, sample: SampleImage) -> None:
    registry.auth = Auth("bearer")
    with client_of(registry) as client, ThreadPoolExecutor(8) as pool:
        client.ping()
        before = len(token_requests(registry))
        list(pool.map(lambda _: client.manifest(("team/app", sample.digest)), range(16)))
    assert len(token_requests(registry)) - before == 1


def test_basic(registry: SampleRegistry, reference: Reference) -> None:
    registry.auth = Auth("basic", ALICE.username, ALICE.password)
    with client_of(registry, ALICE) as client:
        client.resolve(reference)
        client.ping()


@pytest.mark.parametrize("kind", ["basic", "bearer"])
def test_missing_credentials(registry: SampleRegistry, reference: Reference, kind: str) -> None:
    registry.auth = Auth(kind, ALICE.username, ALICE.password)
    with client_of(registry) as client, pytest.raises(Unauthorized, match="wants credentials") as caught:
        client.resolve(reference)
    assert registry.host in caught.value.message
    assert "team/app" in caught.value.message


@pytest.mark.parametrize("kind", ["basic", "bearer"])
def test_wrong_credentials(registry: SampleRegistry, reference: Reference, kind: str) -> None:
    registry.auth = Auth(kind, ALICE.username, "other")
    with client_of(registry, ALICE) as client, pytest.raises(Unauthorized, match="does not accept") as caught:
        client.resolve(reference)
    assert ALICE.password not in caught.value.message + caught.value.hint
    # Once without, once with: a wrong password is not tried again and again, which locks accounts.
    assert len([request for request in registry.requests if "authorization" in request.headers]) == 1


def test_a_token_that_is_not_accepted_ends(registry: SampleRegistry, reference: Reference) -> None:
    registry.auth = Auth("bearer", lifetime=0)
    with client_of(registry) as client, pytest.raises(Unauthorized):
        client.manifest(reference)
    assert len(token_requests(registry)) == 1


def test_a_strange_challenge(registry: SampleRegistry, reference: Reference) -> None:
    with client_of(registry, ALICE) as client:
        client.ping()
        registry.faults.fail(401, headers={"WWW-Authenticate": "Negotiate"})
        with pytest.raises(RegistryMisbehaved, match="negotiate"):
            client.manifest(reference)
        registry.faults.fail(401)
        with pytest.raises(Unauthorized):
            client.manifest(reference)


@pytest.mark.parametrize(
    "realm", ["", "ftp://x/token", "//x", "nonsense", "http://[::1/x", "file:///etc/passwd"]
)
def test_an_unusable_realm(registry: SampleRegistry, reference: Reference, realm: str) -> None:
    with client_of(registry, ALICE) as client:
        client.ping()
        registry.faults.fail(401, headers={"WWW-Authenticate": f'Bearer realm="{realm}"'})
        with pytest.raises(RegistryMisbehaved, match="no usable token server"):
            client.manifest(reference)


def test_a_secure_registry_cannot_send_the_password_in_the_clear(sample: SampleImage) -> None:
    with SampleRegistry() as clear, SampleRegistry(tls=True) as registry:
        registry.auth = Auth("bearer", realm=f"{clear.url}/token")
        registry.push("app", "1", sample)
        endpoint = Endpoint(registry.host, credentials=ALICE, ca_file=registry.ca_file)
        with RegistryClient(endpoint) as client, pytest.raises(RegistryMisbehaved, match="without TLS"):
            client.manifest(("app", sample.digest))
        assert clear.requests == []


def test_403_is_not_401(registry: SampleRegistry, reference: Reference) -> None:
    registry.auth = Auth("basic", ALICE.username, ALICE.password)
    registry.faults.where = "manifests"
    with client_of(registry, ALICE) as client:
        client.ping()
        registry.faults.fail(403)
        with pytest.raises(Forbidden):
            client.manifest(reference)


@pytest.mark.parametrize(
    ("body", "token", "lifetime"),
    [
        (b'{"token": "abc"}', "abc", 60.0),
        (b'{"access_token": "abc", "expires_in": 300}', "abc", 300.0),
        (b'{"token": "abc", "expires_in": 0}', "abc", 60.0),
        (b'{"token": "abc", "expires_in": "soon"}', "abc", 60.0),
        (b'{"token": "abc", "expires_in": -1}', "abc", 60.0),
        (b'{"token": "abc", "expires_in": NaN}', "abc", 60.0),
        (b'{"token": "abc", "expires_in": Infinity}', "abc", 86_400.0),
        (b'{"token": "abc", "expires_in": 1%s}' % (b"0" * 400), "abc", 86_400.0),
    ],
)
def test_token_answers(body: bytes, token: str, lifetime: float) -> None:
    found = read_token(body, "host")
    assert (found.value, found.lifetime) == (token, lifetime)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"token": 7}',
        b'{"token": "a\\r\\nX: y"}',
        b'{"token": "a b"}',
        b"<html>",
        b"null",
        b"[" * 9999,
    ],
)
def test_unusable_tokens(body: bytes) -> None:
    with pytest.raises(RegistryMisbehaved, match="token server host"):
        read_token(body, "host")


def test_credentials_hide_their_password() -> None:
    assert "wonder" not in repr(Endpoint("host", credentials=ALICE))


IDENTITY = Credentials("<token>", "identity/of alice+bob")


class TestIdentityTokens:
    """What `docker login` and credential helpers leave in place of a password (OAuth 2 refresh tokens)."""

    def test_they_are_posted_to_the_token_server_and_nowhere_else(
        self, registry: SampleRegistry, reference: Reference
    ) -> None:
        registry.auth = Auth("bearer", username="nobody", identity_token=IDENTITY.password)
        with client_of(registry, IDENTITY) as client:
            client.resolve(reference)
            client.manifest(reference)
        posted = [request for request in registry.requests if request.method == "POST"]
        assert [request.path for request in posted] == ["/token"]
        for request in registry.requests:
            assert not request.headers.get("authorization", "").startswith("Basic")
            assert "alice" not in request.path

    def test_a_wrong_one_is_refused(self, registry: SampleRegistry, reference: Reference) -> None:
        registry.auth = Auth("bearer", username="nobody", identity_token="another")
        with client_of(registry, IDENTITY) as client, pytest.raises(Unauthorized, match="does not accept"):
            client.resolve(reference)

    def test_one_that_is_replaced_is_not_sent_again(
        self, registry: SampleRegistry, reference: Reference
    ) -> None:
        registry.auth = Auth(
            "bearer",
            username="nobody",
            identity_token=IDENTITY.password,
            lifetime=1,
            answer={"refresh_token": "the next"},
        )
        with client_of(registry, IDENTITY) as client:
            client.manifest(reference)
            registry.auth = replace(registry.auth, identity_token="the next")
            client.manifest(reference)

    @pytest.mark.parametrize("kind", ["basic", "bearer"])
    def test_a_registry_that_takes_none_says_so(
        self, registry: SampleRegistry, reference: Reference, kind: str
    ) -> None:
        registry.auth = Auth(kind, username="nobody")
        with (
            client_of(registry, IDENTITY) as client,
            pytest.raises(Unauthorized, match="no identity token") as no,
        ):
            client.resolve(reference)
        assert "password" in no.value.hint

    def test_a_redirect_does_not_lead_them_away(self, registry: SampleRegistry, reference: Reference) -> None:
        registry.auth = Auth("bearer", username="nobody", identity_token=IDENTITY.password)
        with SampleRegistry() as elsewhere, client_of(registry, IDENTITY) as client:
            registry.faults.where = "/token"
            registry.faults.fail(307, headers={"Location": f"{elsewhere.url}/token"})
            with pytest.raises(RegistryMisbehaved, match="307"):
                client.resolve(reference)
            assert elsewhere.requests == []

    def test_repr_hides_them(self) -> None:
        assert "alice" not in repr(Endpoint("host", credentials=IDENTITY))

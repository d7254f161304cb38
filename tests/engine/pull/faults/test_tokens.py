"""Tokens that expire when it is least convenient, and token servers that misbehave."""

from __future__ import annotations

import pytest

from samples.registry import Auth, SampleRegistry
from tests.engine.pull.faults.helpers import IMAGE, assert_whole, fails, pull_from, ranges, retries_of
from worker.engine.errors import RateLimited, RegistryMisbehaved, RegistryUnavailable, Unauthorized
from worker.engine.events import Event, Retrying
from worker.engine.registry import Credentials
from worker.engine.store import Store

ALICE = Credentials("alice", "secret")


def asked(registry: SampleRegistry, method: str = "GET") -> int:
    """How often a token was asked for."""
    return sum(path.startswith("/token") for path in registry.paths(method))


@pytest.mark.parametrize("lifetime", [1, 2, 3])
def test_that_open_only_so_many_requests(
    store: Store, registry: SampleRegistry, name: str, lifetime: int
) -> None:
    registry.auth = Auth("bearer", "alice", "secret", lifetime=lifetime)
    registry.faults.cut, registry.faults.cut_times = 1_000_000, 3
    pull_from(store, name, at_once=1, credentials=ALICE)
    assert asked(registry) > 1
    assert_whole(store, name, IMAGE)


def test_that_expire_while_a_blob_is_read(store: Store, registry: SampleRegistry, name: str) -> None:
    """The stream goes on; what is asked for next gets a new one: between two ranges, several times."""
    registry.auth = Auth("bearer")
    registry.faults.cut, registry.faults.cut_times = 1_000_000, 3

    def expire(event: Event) -> None:
        if isinstance(event, Retrying):
            registry.tokens.clear()

    pull_from(store, name, at_once=1, listener=expire)
    assert len({text for text in ranges(registry) if text}) == 3
    assert asked(registry) == 4
    assert_whole(store, name, IMAGE)


def test_that_expire_before_they_are_used(store: Store, registry: SampleRegistry, name: str) -> None:
    """The registry says so, and not that it opens too little; then the next one is asked for."""
    registry.auth = Auth("bearer")
    hand_out = registry.new_token
    given: list[str] = []

    def expired_at_first() -> str:
        token = hand_out()
        given.append(token)
        if len(given) == 1:
            del registry.tokens[token]
        return token

    registry.new_token = expired_at_first  # type: ignore[method-assign]
    pull_from(store, name, at_once=1)
    assert len(given) == 2
    assert_whole(store, name, IMAGE)


@pytest.mark.parametrize(
    "answer",
    [
        {"expires_in": None},
        {"expires_in": 0},
        {"expires_in": "300"},
        {"expires_in": 10**400},
        {"issued_at": "1999-12-31T23:59:59Z"},
        {"issued_at": "2999-12-31T23:59:59Z", "expires_in": 60},
        {"issued_at": "nonsense"},
    ],
)
def test_with_odd_or_no_times(
    store: Store, registry: SampleRegistry, name: str, answer: dict[str, object]
) -> None:
    """Whose clock is wrong does not matter: only how long ago it was asked for."""
    registry.auth = Auth("bearer", answer=answer)
    pull_from(store, name)
    assert asked(registry) == 1
    assert_whole(store, name, IMAGE)


@pytest.mark.parametrize(
    "challenge",
    [
        'Basic realm="x, y", Bearer realm="REALM",service="a,b",scope="repository:demo:pull,push"',
        'bearer  Realm = "REALM" , Service=sample',
        'Negotiate, Bearer realm="REALM",error="invalid_token",error_description="say \\"please\\""',
        'Bearer service="sample",realm="REALM?account=x&x=%2F"',
        'Bearer realm="REALM",scope=""',
        'Bearer realm="REALM",scope="repository:demo:pull repository:other:pull"',
    ],
)
def test_challenges_of_all_kinds(store: Store, registry: SampleRegistry, name: str, challenge: str) -> None:
    registry.auth = Auth("bearer", challenge=challenge)
    pull_from(store, name)
    assert_whole(store, name, IMAGE)


def test_identity_tokens(store: Store, registry: SampleRegistry, name: str) -> None:
    registry.auth = Auth("bearer", username="nobody", identity_token="of alice")
    pull_from(store, name, credentials=Credentials("<token>", "of alice"))
    assert (asked(registry), asked(registry, "POST")) == (0, 1)
    assert_whole(store, name, IMAGE)


class TestTheirServer:
    @pytest.mark.parametrize("status", [500, 503, 429])
    def test_hiccups(self, store: Store, registry: SampleRegistry, name: str, status: int) -> None:
        registry.auth = Auth("bearer")
        registry.faults.where = "/token"
        registry.faults.fail(status, times=3, body="<html>")
        events: list[Event] = []
        pull_from(store, name, listener=events.append)
        assert len(retries_of(events)) == 3
        assert_whole(store, name, IMAGE)

    @pytest.mark.parametrize(
        ("status", "headers", "kind", "temporary"),
        [
            (502, {}, RegistryUnavailable, True),
            (429, {"Retry-After": "7200"}, RateLimited, True),
            (401, {}, Unauthorized, False),
            (403, {}, Unauthorized, False),
            (200, {"Content-Type": "text/html"}, RegistryMisbehaved, False),
            (200, {"Content-Encoding": "gzip"}, RegistryMisbehaved, False),
            (302, {"Location": "ftp://elsewhere/token"}, RegistryMisbehaved, False),
            (418, {}, RegistryMisbehaved, False),
        ],
    )
    def test_it_does_not_work(
        self,
        store: Store,
        registry: SampleRegistry,
        name: str,
        status: int,
        headers: dict[str, str],
        kind: type[RegistryUnavailable],
        temporary: bool,
    ) -> None:
        registry.auth = Auth("bearer")
        registry.faults.where = "/token"
        registry.faults.fail(status, times=99, headers=headers, body="<html>Sign in</html>")
        assert fails(store, name, kind).temporary is temporary

    def test_it_gives_tokens_that_the_registry_does_not_take(
        self, store: Store, registry: SampleRegistry, name: str
    ) -> None:
        registry.auth = Auth("bearer", "alice", "secret", lifetime=0)
        error = fails(store, name, Unauthorized, credentials=ALICE)
        assert not error.temporary
        assert asked(registry) == 1

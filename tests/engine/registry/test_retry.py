"""Trying again."""

from __future__ import annotations

import email.utils
import time

import pytest

from samples.images import SampleImage
from samples.registry import SampleRegistry
from tests.engine.registry.conftest import QUICK
from worker.engine.cancel import CancelToken
from worker.engine.errors import (
    Cancelled,
    ConnectionRefused,
    RateLimited,
    RegistryError,
    RegistryUnavailable,
    TagNotFound,
    UnknownHost,
)
from worker.engine.oci import Reference
from worker.engine.registry import Endpoint, RegistryClient, RetryPolicy
from worker.engine.registry.retry import ignore_retries

Told = list[tuple[str, int, float]]


def client_of(registry: SampleRegistry, told: Told, policy: RetryPolicy = QUICK) -> RegistryClient:
    endpoint = Endpoint(registry.host, insecure=True)
    return RegistryClient(endpoint, retries=policy, on_retry=lambda *given: told.append(given))


def test_a_burst_of_500_is_survived(
    registry: SampleRegistry, reference: Reference, sample: SampleImage
) -> None:
    told: Told = []
    registry.faults.where = "manifests"
    registry.faults.fail(503, times=3)
    with client_of(registry, told) as client:
        assert client.manifest(reference).digest == sample.digest
    assert [attempt for _, attempt, _ in told] == [1, 2, 3]
    assert all(registry.host in reason for reason, _, _ in told)


def test_it_ends(registry: SampleRegistry, reference: Reference) -> None:
    told: Told = []
    registry.faults.where = "manifests"
    registry.faults.fail(500, times=99)
    with (
        client_of(registry, told) as client,
        pytest.raises(RegistryUnavailable, match="status 500 for team/app:1"),
    ):
        client.manifest(reference)
    assert len(told) == QUICK.attempts - 1


def test_what_is_permanent_is_asked_once(registry: SampleRegistry) -> None:
    told: Told = []
    with client_of(registry, told) as client, pytest.raises(TagNotFound):
        client.manifest(Reference.parse(f"{registry.host}/team/app:nope"))
    assert told == []


def test_429_waits_as_long_as_it_is_told(registry: SampleRegistry, reference: Reference) -> None:
    told: Told = []
    registry.faults.where = "manifests"
    registry.faults.fail(429, headers={"Retry-After": "1"})
    started = time.monotonic()
    with client_of(registry, told) as client:
        client.resolve(reference)
    assert time.monotonic() - started >= 1
    ((_, _, delay),) = told
    assert 1 <= delay < 1.1  # a little later, for many may have been told the same


def test_429_with_a_long_wait_is_reported_at_once(registry: SampleRegistry, reference: Reference) -> None:
    told: Told = []
    registry.faults.where = "manifests"
    registry.faults.fail(
        429, headers={"Retry-After": "3600"}, body='{"errors":[{"message":"toomanyrequests"}]}'
    )
    with client_of(registry, told) as client, pytest.raises(RateLimited) as caught:
        client.manifest(reference)
    assert caught.value.retry_after == 3600
    assert told == []


def test_retry_after_may_be_a_date(registry: SampleRegistry, reference: Reference) -> None:
    registry.faults.where = "manifests"
    registry.faults.fail(429, headers={"Retry-After": email.utils.formatdate(time.time() + 900)})
    with client_of(registry, []) as client, pytest.raises(RateLimited) as caught:
        client.manifest(reference)
    assert caught.value.retry_after == pytest.approx(900, abs=60)


@pytest.mark.parametrize("value", ["", "soon", "-5", "²"])
def test_an_odd_retry_after_is_none(registry: SampleRegistry, reference: Reference, value: str) -> None:
    registry.faults.where = "manifests"
    registry.faults.fail(429, headers={"Retry-After": value.encode().decode("latin-1")})
    told: Told = []
    with client_of(registry, told) as client:
        client.manifest(reference)
    assert len(told) == 1


def test_pauses_grow_up_to_a_limit() -> None:
    policy = RetryPolicy(attempts=20, first_delay=1, longest_delay=10)
    delays = [policy.delay(RegistryUnavailable("?"), attempt) for attempt in range(1, 20)]
    for attempt, delay in enumerate(delays):
        assert delay is not None
        assert min(10, 2**attempt) / 2 <= delay <= min(10, 2**attempt)
    assert policy.delay(RegistryUnavailable("?"), 20) is None


def test_the_budget_ends_it_too() -> None:
    calls: list[None] = []

    def call() -> None:
        calls.append(None)
        raise RegistryUnavailable("?")

    with pytest.raises(RegistryUnavailable):
        RetryPolicy(attempts=99, first_delay=0.2, budget=0.01).run(call, CancelToken(), ignore_retries)
    assert len(calls) == 1


def test_a_pause_can_be_cancelled() -> None:
    cancel = CancelToken()

    def call() -> None:
        raise RegistryUnavailable("?")

    with pytest.raises(Cancelled):
        RetryPolicy(first_delay=30).run(call, cancel, lambda *_: cancel.cancel())


@pytest.mark.parametrize("scheme_known", [True, False])
def test_nobody_listens(closed_port: int, scheme_known: bool) -> None:
    endpoint = Endpoint(f"127.0.0.1:{closed_port}", insecure=not scheme_known)
    with RegistryClient(endpoint, retries=QUICK) as client:
        with pytest.raises(ConnectionRefused, match=f"127.0.0.1:{closed_port} refused"):
            client.ping()


def test_an_unknown_host_is_asked_for_once() -> None:
    told: Told = []
    with RegistryClient(Endpoint("registry.invalid"), on_retry=lambda *given: told.append(given)) as client:
        with pytest.raises(UnknownHost, match=r"registry\.invalid"):
            client.resolve(Reference.parse("registry.invalid/app"))
    assert told == []


@pytest.mark.parametrize("host", ["a" * 64 + ".test", "registry..test"])
def test_a_host_that_cannot_be_a_name(host: str) -> None:
    with RegistryClient(Endpoint(host), retries=QUICK) as client, pytest.raises(RegistryError):
        client.ping()

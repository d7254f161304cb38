"""A registry that does not want, or cannot: it is asked again for a while, and then it is said why."""

from __future__ import annotations

import email.utils
import time
from contextlib import closing
from socket import socket

import pytest

from samples.registry import SampleRegistry
from tests.engine.pull.faults.helpers import IMAGE, assert_whole, fails, pull_from, retries_of
from worker.engine.errors import ConnectionRefused, RateLimited, RegistryTimeout, RegistryUnavailable
from worker.engine.events import Event
from worker.engine.store import Store

EVERYWHERE = ["/manifests/", f"/blobs/{IMAGE.config_digest}", f"/blobs/{IMAGE.layers[1].digest}"]


@pytest.fixture(params=EVERYWHERE, ids=["manifest", "config", "layer"])
def hit(request: pytest.FixtureRequest, registry: SampleRegistry) -> str:
    """An image of which one part is hit by the faults of a test."""
    registry.faults.where = request.param
    return registry.push("demo", "1", IMAGE)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_burst_is_survived(store: Store, registry: SampleRegistry, hit: str, status: int) -> None:
    registry.faults.fail(status, times=4, body="<html>Bad gateway</html>")
    events: list[Event] = []
    pull_from(store, hit, listener=events.append)
    # The answer to a HEAD says nothing, so the manifest's first failure leads to a GET at once.
    assert len(retries_of(events)) in (2, 4)
    assert all(str(status) in event.reason for event in retries_of(events))
    assert_whole(store, hit, IMAGE)


def test_one_that_does_not_end_is_given_up(store: Store, registry: SampleRegistry, hit: str) -> None:
    registry.faults.fail(503, times=999)
    events: list[Event] = []
    with pytest.raises(RegistryUnavailable, match="status 503") as raised:
        pull_from(store, hit, listener=events.append)
    assert raised.value.temporary
    assert [event.attempt for event in retries_of(events)] == [1, 2, 3, 4, 5]
    assert store.images.all() == ()


def test_the_layer_that_waits_is_named(store: Store, registry: SampleRegistry) -> None:
    name = registry.push("demo", "1", IMAGE)
    registry.faults.where = EVERYWHERE[2]
    registry.faults.fail(503, times=2)
    events: list[Event] = []
    pull_from(store, name, listener=events.append)
    assert [event.position for event in retries_of(events)] == [1, 1]


class TestRateLimits:
    def test_without_a_time_it_is_tried_again(self, store: Store, registry: SampleRegistry, hit: str) -> None:
        registry.faults.fail(429, times=3)
        events: list[Event] = []
        pull_from(store, hit, listener=events.append)
        assert len(retries_of(events)) == 3
        assert_whole(store, hit, IMAGE)

    @pytest.mark.parametrize("kind", ["seconds", "date"])
    def test_with_a_time_it_waits_as_long(
        self, store: Store, registry: SampleRegistry, name: str, kind: str
    ) -> None:
        # A date has whole seconds: the next but one is at least one away.
        when = "1" if kind == "seconds" else email.utils.formatdate(int(time.time()) + 2, usegmt=True)
        registry.faults.fail(429, headers={"Retry-After": when})
        events: list[Event] = []
        started = time.monotonic()
        pull_from(store, name, listener=events.append)
        assert time.monotonic() - started >= 0.9
        assert [0.9 <= event.delay < 3 for event in retries_of(events)] == [True]
        assert_whole(store, name, IMAGE)

    @pytest.mark.parametrize(
        "when",
        ["3600", "31", "9" * 20, "9" * 4000, "Fri, 31 Dec 9999 23:59:59 GMT"],
        ids=lambda text: text[:9],
    )
    def test_a_time_beyond_all_patience_is_reported_at_once(
        self, store: Store, registry: SampleRegistry, hit: str, when: str
    ) -> None:
        registry.faults.fail(429, times=99, headers={"Retry-After": when})
        events: list[Event] = []
        with pytest.raises(RateLimited, match="limits how often it may be asked") as raised:
            pull_from(store, hit, listener=events.append)
        assert raised.value.temporary
        assert raised.value.retry_after is not None
        assert raised.value.retry_after > 30
        assert retries_of(events) == []
        assert store.images.all() == ()

    def test_a_wait_of_nothing_is_no_licence_to_hammer(
        self, store: Store, registry: SampleRegistry, hit: str
    ) -> None:
        registry.faults.fail(429, times=99, headers={"Retry-After": "0"})
        events: list[Event] = []
        with pytest.raises(RateLimited):
            pull_from(store, hit, listener=events.append)
        assert len(retries_of(events)) == 5
        assert all(event.delay > 0 for event in retries_of(events))

    @pytest.mark.parametrize(
        "when", ["soon", "-1", "1.5", "", "Fri, 99 Foo 2026", "Mon, 01 Jan 1990 00:00:00 GMT"]
    )
    def test_a_senseless_time_is_as_none(
        self, store: Store, registry: SampleRegistry, hit: str, when: str
    ) -> None:
        registry.faults.fail(429, headers={"Retry-After": when})
        pull_from(store, hit)
        assert_whole(store, hit, IMAGE)


class TestFirstContact:
    """That a name or port is wrong is said soon; a registry that goes away for a while is waited for."""

    def test_nobody_listens(self, store: Store) -> None:
        with closing(socket()) as sock:
            sock.bind(("127.0.0.1", 0))
            port = sock.getsockname()[1]
        events: list[Event] = []
        error = fails(store, f"127.0.0.1:{port}/demo:1", ConnectionRefused, listener=events.append)
        assert error.temporary
        assert [event.attempt for event in retries_of(events)] == [1]

    def test_nobody_answers(self, store: Store) -> None:
        with closing(socket()) as sock:
            sock.bind(("127.0.0.1", 0))
            sock.listen()
            events: list[Event] = []
            where = f"127.0.0.1:{sock.getsockname()[1]}"
            error = fails(
                store,
                f"{where}/demo:1",
                RegistryTimeout,
                listener=events.append,
                insecure=False,
                connect_timeout=0.3,
                stall_timeout=0.3,
            )
        assert error.temporary
        assert len(retries_of(events)) == 1

    def test_one_that_answered_before_is_waited_for(self, store: Store) -> None:
        """It is restarted in the middle of a pull."""
        events: list[Event] = []
        with SampleRegistry() as first:
            name = first.push("demo", "1", IMAGE)
            port = int(first.host.rpartition(":")[2])
            first.faults.where, first.faults.cut = EVERYWHERE[2], 1_000_000
            second: list[SampleRegistry] = []

            def restart(event: Event) -> None:
                events.append(event)
                count = len(retries_of(events))
                if count == 1:
                    first.stop()
                elif count == 4 and not second:
                    second.append(SampleRegistry(port=port))
                    second[0].push("demo", "1", IMAGE)
                    second[0].start()

            try:
                pull_from(store, name, listener=restart)
            finally:
                for registry in second:
                    registry.stop()
        assert any("refused" in event.reason for event in retries_of(events))
        assert_whole(store, name, IMAGE)

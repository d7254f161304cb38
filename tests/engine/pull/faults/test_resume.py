"""A blob that breaks off: the pull goes on at the same byte, and asks for hardly anything twice."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from samples.images import image
from samples.registry import SampleRegistry
from tests.engine.pull.faults.helpers import BIG, IMAGE, assert_whole, pull_from, ranges, retries_of, served
from tests.engine.pull.helpers import random_layer
from tests.support.processes import wait_until
from worker.engine.errors import ConnectionLost, RegistryTimeout, SizeMismatch
from worker.engine.events import Event, Retrying
from worker.engine.store import Store

MOST = 1.05 * BIG.size
SMALL_IMAGE = image([random_layer("slow", 20_000)])


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
@pytest.mark.parametrize("cut", [1, 100_000, BIG.size // 2, BIG.size - 1])
def test_a_cut_costs_nothing_twice(
    store: Store, registry: SampleRegistry, name: str, cut: int, reset: bool
) -> None:
    registry.faults.cut, registry.faults.cut_times, registry.faults.reset = cut, 1, reset
    events: list[Event] = []
    pulled = pull_from(store, name, listener=events.append)
    assert ranges(registry) == ["", f"bytes={cut}-"]
    assert served(registry) == BIG.size < MOST
    assert pulled.bytes_fetched < MOST + 10_000
    assert [event.position for event in retries_of(events)] == [1]
    assert_whole(store, name, IMAGE)


@pytest.mark.root
@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_twenty_cuts_in_a_row(store: Store, registry: SampleRegistry, name: str, reset: bool) -> None:
    """No reason to give up, as each connection brings something; while the layer is extracted."""
    registry.faults.cut, registry.faults.cut_times, registry.faults.reset = 200_000, 20, reset
    events: list[Event] = []
    pull_from(store, name, listener=events.append, fetch_only=False)
    assert len(ranges(registry)) == 21
    assert served(registry) < MOST
    assert {event.attempt for event in retries_of(events)} == {1}
    assert_whole(store, name, IMAGE, extracted=True)


def test_a_process_that_was_killed_is_succeeded_by_one_that_goes_on(
    store: Store, registry: SampleRegistry, name: str
) -> None:
    registry.faults.stall = 3_000_000
    script = (
        "import sys; from pathlib import Path; from worker.engine.store import Store;"
        "from tests.engine.pull.faults.helpers import pull_from;"
        "pull_from(Store(Path(sys.argv[1])), sys.argv[2])"
    )
    first = subprocess.Popen([sys.executable, "-c", script, store.root, name])
    try:
        wait_until(lambda: store.blobs.partial_size(BIG.digest) == 3_000_000, 60, "the bytes that came")
    finally:
        first.send_signal(signal.SIGKILL)
        first.wait()
    registry.faults.stall = None
    pulled = pull_from(store, name)
    assert ranges(registry) == ["", "bytes=3000000-"]
    assert served(registry) == BIG.size
    assert pulled.bytes_fetched < BIG.size - 2_900_000
    assert_whole(store, name, IMAGE)


class TestRanges:
    """Registries that are no good at parts."""

    def test_one_that_ignores_them_sends_all_again(
        self, store: Store, registry: SampleRegistry, name: str
    ) -> None:
        registry.faults.cut, registry.faults.cut_times = 1_000_000, 1
        registry.faults.ignore_range = True
        pull_from(store, name)
        assert served(registry) == 1_000_000 + BIG.size
        assert_whole(store, name, IMAGE)

    @pytest.mark.parametrize("shift", [-1, 1, 5000, -2_000_000])
    def test_one_that_answers_with_another_offset_is_asked_for_all(
        self, store: Store, registry: SampleRegistry, name: str, shift: int
    ) -> None:
        registry.faults.cut, registry.faults.cut_times = 1_000_000, 1
        registry.faults.shift_range = shift
        pull_from(store, name)
        assert ranges(registry) == ["", "bytes=1000000-", ""]
        assert_whole(store, name, IMAGE)

    def test_one_that_sends_less_than_asked_for_is_asked_again_at_once(
        self, store: Store, registry: SampleRegistry, name: str
    ) -> None:
        registry.faults.cut, registry.faults.cut_times = 1_000_000, 1
        registry.faults.part_of_range = 500_000
        events: list[Event] = []
        pull_from(store, name, listener=events.append)
        assert len(ranges(registry)) == 8
        assert served(registry) == BIG.size
        assert len(retries_of(events)) == 1
        assert_whole(store, name, IMAGE)

    def test_416_for_what_it_should_have_means_that_its_copy_is_short(
        self, store: Store, registry: SampleRegistry, name: str
    ) -> None:
        """It is not downloaded again and again to find that out."""
        registry.faults.truncate, registry.faults.no_length = 1000, True
        with pytest.raises(SizeMismatch, match=str(BIG.size - 1000)) as raised:
            pull_from(store, name)
        assert not raised.value.temporary
        assert served(registry) == BIG.size - 1000
        assert store.images.all() == ()
        assert not store.blobs.has(BIG.digest)
        assert store.blobs.partial_size(BIG.digest) == 0


class TestStalls:
    def test_no_more_bytes(self, store: Store, registry: SampleRegistry, name: str) -> None:
        registry.faults.stall = 1_000_000
        mended = mend(registry)
        pull_from(store, name, listener=mended.append, stall_timeout=0.5)
        assert ranges(registry) == ["", "bytes=1000000-"]
        assert_whole(store, name, IMAGE)

    def test_a_byte_now_and_then_is_a_stall_too(
        self, store: Store, registry: SampleRegistry, name: str
    ) -> None:
        """One that would never be noticed by the time since the last byte."""
        registry.faults.stall, registry.faults.trickle = 1_000_000, 0.05
        mended = mend(registry)
        pull_from(store, name, listener=mended.append, stall_timeout=0.5)
        first, again = ranges(registry)
        assert first == ""
        assert 1_000_000 < int(again.removeprefix("bytes=").removesuffix("-")) < 1_001_000
        assert "almost stopped" in retries_of(mended)[0].reason
        assert_whole(store, name, IMAGE)

    def test_a_slow_line_is_none(self, store: Store) -> None:
        """A steady one, which takes several times as long as nothing may come."""
        with SampleRegistry(rate=20_000) as slow:
            name = slow.push("demo", "1", SMALL_IMAGE)
            pull_from(store, name, stall_timeout=0.3)
        assert_whole(store, name, SMALL_IMAGE)

    def test_one_that_stalls_for_ever_is_given_up(
        self, store: Store, registry: SampleRegistry, name: str
    ) -> None:
        registry.faults.stall = 1000
        with pytest.raises(RegistryTimeout) as raised:
            pull_from(store, name, stall_timeout=0.2)
        assert raised.value.temporary
        assert len(ranges(registry)) <= 7
        assert store.images.all() == ()
        assert not store.blobs.has(BIG.digest)
        # What came is kept, for it may have been the network.
        assert 1000 <= store.blobs.partial_size(BIG.digest) <= 7000


def test_a_connection_that_is_always_cut_at_once_is_given_up(
    store: Store, registry: SampleRegistry, name: str
) -> None:
    registry.faults.cut, registry.faults.reset = 1000, True
    events: list[Event] = []
    with pytest.raises(ConnectionLost) as raised:
        pull_from(store, name, listener=events.append)
    assert raised.value.temporary
    assert [event.attempt for event in retries_of(events)] == [1, 2, 3, 4, 5]
    assert store.images.all() == ()
    registry.faults.cut = None
    kept = store.blobs.partial_size(BIG.digest)
    assert kept == 6000
    pull_from(store, name)
    assert ranges(registry)[-1] == f"bytes={kept}-"
    assert_whole(store, name, IMAGE)


def mend(registry: SampleRegistry) -> list[Event]:
    """A list of events, which lets the registry behave again as soon as the pull has noticed."""

    class Mending(list[Event]):
        def append(self, event: Event) -> None:
            super().append(event)
            if isinstance(event, Retrying):
                registry.faults.stall = None

    return Mending()

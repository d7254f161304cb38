"""Pins: they count as long as their makers live, and the gate keeps them and whoever clears away apart."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.processes import wait_until
from worker.engine.cancel import CancelToken
from worker.engine.errors import Cancelled
from worker.engine.oci import Digest
from worker.engine.store import Content, Store

BLOB, LAYER = Digest.of(b"blob"), Digest.of(b"layer")
BOTH = Content(frozenset({BLOB}), frozenset({LAYER}))
NOTHING = Content()

_HOLD = """
import sys, time
from pathlib import Path
from worker.engine.oci import Digest
from worker.engine.store import Content, Store
with Store(Path(sys.argv[1])).pin() as pin:
    pin.add(Content(frozenset({Digest.of(b"blob")}), frozenset({Digest.of(b"layer")})))
    print("pinned", flush=True)
    time.sleep(600)
"""


def pins(store: Store) -> list[Path]:
    return list(store.ingest.glob("pin-*"))


def test_what_is_added_is_pinned_until_the_end(store: Store) -> None:
    with store.pin() as pin:
        assert store.pins.content() == NOTHING
        pin.add(Content(blobs=frozenset({BLOB})))
        pin.add(BOTH)
        assert store.pins.content() == BOTH
    assert store.pins.content() == NOTHING
    assert pins(store) == []


def test_pins_of_several_add_up(store: Store) -> None:
    with store.pin() as one, store.pin() as other:
        one.add(Content(blobs=frozenset({BLOB})))
        other.add(Content(layers=frozenset({LAYER})))
        assert store.pins.content() == BOTH


def test_a_killed_owners_pin_counts_for_nothing_and_goes(store: Store) -> None:
    with subprocess.Popen([sys.executable, "-c", _HOLD, str(store.root)], stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"pinned\n"
        assert store.pins.content() == BOTH
        owner.send_signal(signal.SIGKILL)
    assert store.pins.content() == NOTHING
    assert len(pins(store)) == 1
    with store.pin():
        assert len(pins(store)) == 1  # that of the block
    assert pins(store) == []


def test_a_line_that_a_full_disk_cut_off_is_no_harm(store: Store) -> None:
    with store.pin() as pin:
        pin.add(BOTH)
        with pins(store)[0].open("ab") as file:
            file.write(b"blob sha256:0123")
        assert store.pins.content() == BOTH


def test_while_the_gate_is_closed_no_pin_appears_or_grows(store: Store) -> None:
    with store.pin() as pin, ThreadPoolExecutor(2) as pool:
        with store.pins.closed():
            adding = pool.submit(pin.add, BOTH)
            making = pool.submit(store.pin().__enter__)
            with pytest.raises(TimeoutError):
                adding.result(timeout=0.2)
            assert not making.done()
            assert store.pins.content() == NOTHING
        adding.result(timeout=30)
        making.result(timeout=30)
        assert store.pins.content() == BOTH


def test_waiting_at_the_gate_can_be_cancelled(store: Store) -> None:
    cancel = CancelToken()
    threading.Timer(0.1, cancel.cancel).start()
    with store.pins.closed(), pytest.raises(Cancelled), store.pin(cancel):
        pass
    assert pins(store) == []


def test_closing_the_gate_succeeds_however_many_come_and_go(store: Store) -> None:
    """Nobody who clears away starves: the gate is held for moments only."""
    ended = threading.Event()

    def come_and_go() -> None:
        while not ended.is_set():
            with store.pin() as pin:
                pin.add(BOTH)

    threads = [threading.Thread(target=come_and_go) for _ in range(4)]
    for thread in threads:
        thread.start()
    closed = 0

    def close() -> bool:
        nonlocal closed
        with store.pins.closed():
            closed += 1
        return closed >= 5

    try:
        wait_until(close, 60, "the gate was closed five times")
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def test_the_trash_is_emptied_by_one_at_a_time_and_what_a_dead_one_left_goes(store: Store) -> None:
    for name in ("one", "two"):
        (store.root / name).mkdir()
        (store.root / name / "file").touch()
        assert store.trash.take(store.root / name)
        assert not store.trash.take(store.root / name)
    assert len(store.trash.left()) == 2
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: store.trash.empty(), range(4)))
    assert store.trash.left() == []
    cancel = CancelToken()
    cancel.cancel()
    store.blobs.put(b"x")
    store.trash.take(store.blobs.path(Digest.of(b"x")))
    with pytest.raises(Cancelled):
        store.trash.empty(cancel)
    assert len(store.trash.left()) == 1

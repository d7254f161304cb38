"""Caps that hold over all processes of a machine, and that nobody who dies takes along."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest

from samples.registry import SampleRegistry
from tests.engine.registry.conftest import BIG, BLOB, QUICK
from worker.engine.cancel import CancelToken
from worker.engine.errors import Cancelled, StoreError
from worker.engine.registry import Caps, Endpoint, RegistryClient
from worker.engine.registry.caps import Lane

_HOLD = """
import sys
from pathlib import Path
from worker.engine.cancel import CancelToken
from worker.engine.registry import Caps
from worker.engine.registry.caps import Lane
Lane(Caps(Path(sys.argv[1]), downloads=int(sys.argv[2])), CancelToken()).enter()
print("in", flush=True)
sys.stdin.read()
"""
_PAY = """
import sys, time
from pathlib import Path
from worker.engine.cancel import CancelToken
from worker.engine.registry import Caps
from worker.engine.registry.caps import Lane
lane = Lane(Caps(Path(sys.argv[1]), bandwidth=1_000_000), CancelToken())
lane.enter()
print("in", flush=True)
sys.stdin.readline()
for _ in range(5):
    lane.pay(50_000)
"""


def start(script: str, *arguments: object) -> subprocess.Popen[str]:
    """Start a program of its own, and wait until it says that it is in."""
    process = subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "in\n"
    return process


def entered(caps: Caps) -> Lane:
    lane = Lane(caps, CancelToken())
    lane.enter()
    return lane


def waits(caps: Caps) -> bool:
    """Whether who wants to enter now has to wait."""
    cancel = CancelToken()
    threading.Timer(0.3, cancel.cancel).start()
    lane = Lane(caps, cancel)
    try:
        lane.enter()
    except Cancelled:
        return True
    finally:
        lane.leave()
    return False


def test_who_fails_to_enter_keeps_no_slot(tmp_path: Path) -> None:
    """The slot was there, but not the clock: the next one, of whichever process, gets the slot."""
    (tmp_path / "clock").mkdir()
    endpoint = Endpoint("registry.invalid", caps=Caps(tmp_path, downloads=1, bandwidth=1 << 20))
    with RegistryClient(endpoint) as client:
        for _ in range(2):
            with pytest.raises(StoreError):
                client.open_blob("a/b", BLOB)
        assert not waits(Caps(tmp_path, downloads=1))


def test_no_more_than_the_cap_are_in_at_once(tmp_path: Path) -> None:
    caps = Caps(tmp_path / "caps", downloads=2)
    first, second = entered(caps), entered(caps)
    assert waits(caps)
    first.leave()
    first.leave()
    third = entered(caps)
    assert waits(caps)
    second.leave()
    third.leave()


def test_another_process_that_dies_leaves_its_slot(tmp_path: Path) -> None:
    caps = Caps(tmp_path / "caps", downloads=1)
    process = start(_HOLD, caps.folder, 1)
    assert waits(caps)
    process.kill()
    process.communicate()
    entered(caps).leave()


def test_a_raised_cap_counts_at_once(tmp_path: Path) -> None:
    lane = entered(Caps(tmp_path / "caps", downloads=1))
    assert waits(Caps(tmp_path / "caps", downloads=1))
    entered(Caps(tmp_path / "caps", downloads=2)).leave()
    lane.leave()


def test_processes_share_the_bandwidth(tmp_path: Path) -> None:
    """Three take 250 kB each of 1 MB/s: together no sooner than in three quarters of a second."""
    folder = tmp_path / "caps"
    processes = [start(_PAY, folder) for _ in range(3)]
    begun = time.monotonic()
    for process in processes:
        process.communicate("go\n")
    # The bound is one of physics, not of patience: however slow the machine, it cannot be fallen below.
    assert time.monotonic() - begun >= 0.74


def test_what_stands_in_the_clock_by_mistake_stops_nobody(tmp_path: Path) -> None:
    caps = Caps(tmp_path / "caps", bandwidth=1 << 30)
    caps.folder.mkdir()
    for content in (b"", b"abc", b"\xff" * 8, b"\x00\x00\x00\x00\x00\x00\xf0\x7f", b"\x00" * 6 + b"\xf0\x41"):
        (caps.folder / "clock").write_bytes(content)
        lane = entered(caps)
        lane.pay(1000)
        lane.leave()


def test_waiting_ends_when_cancelled(tmp_path: Path) -> None:
    cancel = CancelToken()
    lane = Lane(Caps(tmp_path / "caps", bandwidth=1000), cancel)
    lane.enter()
    threading.Timer(0.2, cancel.cancel).start()
    with pytest.raises(Cancelled):
        lane.pay(1_000_000)
    lane.leave()


def test_files_that_cannot_be_made_are_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "caps").write_text("in the way")
    with pytest.raises(StoreError):
        entered(Caps(tmp_path / "caps", downloads=1))


def test_downloads_of_several_clients_take_turns(registry: SampleRegistry, tmp_path: Path) -> None:
    """The second is not even asked for before the first stream is closed."""
    endpoint = Endpoint(registry.host, insecure=True, caps=Caps(tmp_path / "caps", downloads=1))

    def download() -> bytes:
        with RegistryClient(endpoint, retries=QUICK) as client, client.open_blob("team/app", BLOB) as stream:
            return b"".join(stream)

    with RegistryClient(endpoint, retries=QUICK) as client, ThreadPoolExecutor() as pool:
        with client.open_blob("team/app", BLOB) as stream:
            second = pool.submit(download)
            assert not wait([second], 0.3).done
            stream.read()
            assert len([path for path in registry.paths() if "blobs" in path]) == 1
        assert second.result() == BIG.blob


def test_a_failed_download_gives_its_slot_back(registry: SampleRegistry, tmp_path: Path) -> None:
    caps = Caps(tmp_path / "caps", downloads=1)
    registry.faults.missing = "/blobs/"
    with RegistryClient(Endpoint(registry.host, insecure=True, caps=caps), retries=QUICK) as client:
        for _ in range(3):
            with pytest.raises(Exception, match="no blob"):
                client.open_blob("team/app", BLOB)
    entered(caps).leave()


def test_a_download_keeps_to_the_bandwidth(registry: SampleRegistry, tmp_path: Path) -> None:
    endpoint = Endpoint(
        registry.host, insecure=True, caps=Caps(tmp_path / "caps", bandwidth=len(BIG.blob) * 2)
    )
    begun = time.monotonic()
    with RegistryClient(endpoint) as client, client.open_blob("team/app", BLOB) as stream:
        assert b"".join(stream) == BIG.blob
    assert time.monotonic() - begun >= 0.49  # physics again


def test_without_caps_nothing_is_made(registry: SampleRegistry, tmp_path: Path) -> None:
    endpoint = Endpoint(registry.host, insecure=True, caps=Caps(tmp_path / "caps"))
    with RegistryClient(endpoint) as client, client.open_blob("team/app", BLOB) as stream:
        stream.read()
    assert not (tmp_path / "caps").exists()

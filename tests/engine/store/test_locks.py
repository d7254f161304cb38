"""Locks: between threads and processes, ending with their owner."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from worker.engine.cancel import CancelToken
from worker.engine.errors import Cancelled
from worker.engine.oci import Digest
from worker.engine.store import Content, Store, file_lock

_HOLD = """
import sys, time
from pathlib import Path
from worker.engine.store import file_lock
with file_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


def test_two_threads_exclude_each_other(tmp_path: Path) -> None:
    inside: list[int] = []
    overlaps: list[int] = []

    def work(number: int) -> None:
        for _ in range(20):
            with file_lock(tmp_path / "lock"):
                overlaps.extend(inside)
                inside.append(number)
                time.sleep(0.0005)
                inside.remove(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert overlaps == []


def test_the_lock_file_goes_with_the_lock(tmp_path: Path) -> None:
    with file_lock(tmp_path / "lock"):
        assert (tmp_path / "lock").exists()
    assert list(tmp_path.iterdir()) == []


def test_a_lock_is_free_even_when_its_file_has_to_stay(tmp_path: Path, store: Store) -> None:
    """The file system turned read-only meanwhile: once it no longer is, nobody waits for a living process."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    pinned = Content(blobs=frozenset({Digest.of(b"")}))
    with pytest.MonkeyPatch.context() as patch, file_lock(tmp_path / "lock"), store.pin() as pin:
        pin.add(pinned)
        patch.setattr(Path, "unlink", refuse)
    with file_lock(tmp_path / "lock", on_wait=lambda: pytest.fail("it is still held")):
        assert store.pins.content() == Content()


def test_a_killed_owner_frees_its_lock(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(tmp_path / "lock")], stdout=subprocess.PIPE
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"held\n"
        waited: list[None] = []

        def on_wait() -> None:
            if not waited:
                owner.send_signal(signal.SIGKILL)
            waited.append(None)

        with file_lock(tmp_path / "lock", on_wait=on_wait):
            assert waited


def test_waiting_can_be_cancelled(tmp_path: Path) -> None:
    cancel = CancelToken()
    with file_lock(tmp_path / "lock"):
        timer = threading.Timer(0.1, cancel.cancel)
        timer.start()
        begun = time.monotonic()
        with pytest.raises(Cancelled), file_lock(tmp_path / "lock", cancel):
            pass
        assert time.monotonic() - begun < 5
        timer.join()

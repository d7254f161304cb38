"""Caps that hold over all processes of a machine, without anybody who is in charge.

Downloads: a cap of n is n files, and who downloads holds one of them by flock(2). The kernel lets go of it
when its holder dies, however it dies.

Bandwidth: a file holds the moment at which the line is free again. Who has received bytes moves it on by the
time that they may take, and sleeps until then: over any longer time all of them together get the rate, shared
as they come, and whoever dies has taken no more than its last piece. (A leaky bucket, as traffic shapers have
it: one number, no history.)
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import struct
import sys
import time
from pathlib import Path

from worker.engine.cancel import CancelToken
from worker.engine.disk import disk_errors
from worker.engine.registry.endpoint import Caps

_POLL = 0.05  # seconds; flock has no time limit of its own, and a cancelled wait must end
_PIECE_SECONDS = 0.1  # of bandwidth that one read takes at most, so that several take turns often
_PIECE_MIN = 4 << 10
_PIECE_MAX = 1 << 20
# Nobody is that far behind: the clock was set anew (it starts at zero when the machine does).
_BACKLOG_MAX = 60.0
_MOMENT = struct.Struct("<d")


class Lane:
    """What one download holds of the caps, from :meth:`enter` to :meth:`leave`."""

    def __init__(self, caps: Caps | None, cancel: CancelToken) -> None:
        self._caps = caps
        self._cancel = cancel
        self._held = contextlib.ExitStack()
        self._clock: int | None = None

    def enter(self) -> None:
        """Wait for a free slot.

        Raises:
            Cancelled: while waiting.
            StoreError: the files cannot be made.
        """
        if self._caps is None or (self._caps.downloads is None and self._caps.bandwidth is None):
            return
        with disk_errors("share a registry's caps"):
            self._caps.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if self._caps.downloads is not None:
                self._take_slot(self._caps.folder, self._caps.downloads)
            if self._caps.bandwidth is not None:
                self._clock = _open(self._caps.folder / "clock")
                self._held.callback(os.close, self._clock)

    def leave(self) -> None:
        """Let go of everything; safe to call twice."""
        self._clock = None
        self._held.close()

    @property
    def piece(self) -> int:
        """How many bytes to read at once, at most."""
        if self._clock is None or self._caps is None or self._caps.bandwidth is None:
            return sys.maxsize
        return int(min(max(self._caps.bandwidth * _PIECE_SECONDS, _PIECE_MIN), _PIECE_MAX))

    def pay(self, count: int) -> None:
        """Wait until ``count`` bytes that were received were due.

        Raises:
            Cancelled: while waiting.
            StoreError: the file cannot be written.
        """
        if self._clock is None or self._caps is None or self._caps.bandwidth is None or not count:
            return
        with disk_errors("share a registry's caps"):
            due = _book(self._clock, count / self._caps.bandwidth)
        while (left := due - time.monotonic()) > 0:
            self._cancel.wait(left)

    def _take_slot(self, folder: Path, slots: int) -> None:
        while True:
            for number in random.sample(range(slots), slots):
                fd = _open(folder / f"download-{number}")
                if _try(fd):
                    self._held.callback(os.close, fd)
                    return
                os.close(fd)
            self._cancel.wait(_POLL)


def _book(clock: int, seconds: float) -> float:
    """Take ``seconds`` of the line; return the moment at which they end."""
    fcntl.flock(clock, fcntl.LOCK_EX)
    try:
        now = time.monotonic()  # the same for all processes, since the machine started
        stored = os.pread(clock, _MOMENT.size, 0)
        free = _MOMENT.unpack(stored)[0] if len(stored) == _MOMENT.size else now
        # Also of a file that is damaged: no number is compared with "not a number".
        start = free if now <= free <= now + _BACKLOG_MAX else now
        os.pwrite(clock, _MOMENT.pack(start + seconds), 0)
        return start + seconds
    finally:
        fcntl.flock(clock, fcntl.LOCK_UN)


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _try(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

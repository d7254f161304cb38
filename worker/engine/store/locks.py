"""Locks between processes and threads, which the kernel frees when their owner dies (flock(2))."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from worker.engine.cancel import CancelToken
from worker.engine.disk import disk_errors

_POLL = 0.1  # seconds; flock has no time limit of its own, and a cancelled wait must end


@contextlib.contextmanager
def file_lock(
    path: Path, cancel: CancelToken | None = None, on_wait: Callable[[], None] | None = None
) -> Iterator[None]:
    """Hold the lock that ``path`` names; wait for it as long as its holder lives.

    The file exists only while somebody holds or awaits the lock. Two threads of one process exclude each
    other too.

    Args:
        cancel: Ends the wait.
        on_wait: Called every tenth of a second while waiting.

    Raises:
        Cancelled: while waiting.
        StoreError: the lock file cannot be made.
    """
    fd = _acquire(path, cancel, on_wait)
    try:
        yield
    finally:
        # In this order: whoever opened the file before it was unlinked, and gets the lock now, sees that
        # the name no longer leads to the file, and starts anew.
        path.unlink(missing_ok=True)
        os.close(fd)


def _acquire(path: Path, cancel: CancelToken | None, on_wait: Callable[[], None] | None) -> int:
    while True:
        with disk_errors("lock a part of the store"):
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            while not _try(fd):
                if on_wait is not None:
                    on_wait()
                if cancel is not None:
                    cancel.wait(_POLL)
                else:
                    time.sleep(_POLL)
            if _names(path, fd):
                return fd
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)


def _try(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _names(path: Path, fd: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(fd))
    except FileNotFoundError:
        return False

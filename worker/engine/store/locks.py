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
from worker.engine.durable import leads_to

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


@contextlib.contextmanager
def shared_lock(path: Path, cancel: CancelToken | None = None) -> Iterator[None]:
    """Hold ``path`` together with any number of others; wait while :func:`exclusive_lock` has it.

    Raises:
        Cancelled: while waiting.
        StoreError: the lock file cannot be made.
    """
    fd = _open(path)
    try:
        _wait(fd, fcntl.LOCK_SH, cancel, None)
        yield
    finally:
        os.close(fd)


@contextlib.contextmanager
def exclusive_lock(path: Path) -> Iterator[bool]:
    """Hold ``path`` alone, if nobody else holds it now; tell whether.

    Raises:
        StoreError: the lock file cannot be made.
    """
    fd = _open(path)
    try:
        yield _try(fd, fcntl.LOCK_EX)
    finally:
        os.close(fd)


def _acquire(path: Path, cancel: CancelToken | None, on_wait: Callable[[], None] | None) -> int:
    while True:
        fd = _open(path)
        try:
            _wait(fd, fcntl.LOCK_EX, cancel, on_wait)
            if leads_to(path, fd):
                return fd
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)


def _open(path: Path) -> int:
    with disk_errors("lock a part of the store"):
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _wait(fd: int, kind: int, cancel: CancelToken | None, on_wait: Callable[[], None] | None) -> None:
    while not _try(fd, kind):
        if on_wait is not None:
            on_wait()
        if cancel is not None:
            cancel.wait(_POLL)
        else:
            time.sleep(_POLL)


def _try(fd: int, kind: int) -> bool:
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

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
_SHORT_POLL = 0.005  # for what is held for milliseconds


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
        # the name no longer leads to the file, and starts anew. A file that cannot be unlinked is no harm.
        with contextlib.suppress(OSError):
            path.unlink()
        os.close(fd)


@contextlib.contextmanager
def shared_lock(path: Path, cancel: CancelToken | None = None) -> Iterator[None]:
    """Hold ``path``, for a short time, together with others; wait while :func:`exclusive_lock` has it.

    The file stays.

    Raises:
        Cancelled: while waiting.
        StoreError: the lock file cannot be made.
    """
    with _short(path, fcntl.LOCK_SH, cancel):
        yield


@contextlib.contextmanager
def exclusive_lock(path: Path, cancel: CancelToken | None = None) -> Iterator[None]:
    """Hold ``path`` alone, for a short time; see :func:`shared_lock`.

    Raises:
        Cancelled: while waiting.
        StoreError: the lock file cannot be made.
    """
    with _short(path, fcntl.LOCK_EX, cancel):
        yield


@contextlib.contextmanager
def abandoned(path: Path) -> Iterator[bool]:
    """Whether nobody holds this file or directory as a lock; nobody gets it within the block.

    What is gone, has just been replaced, or may not be opened, is not abandoned.

    Raises:
        StoreError: the disk fails.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, PermissionError):
        yield False
        return
    try:
        yield _try(fd, fcntl.LOCK_EX) and leads_to(path, fd)
    finally:
        os.close(fd)


@contextlib.contextmanager
def _short(path: Path, kind: int, cancel: CancelToken | None) -> Iterator[None]:
    fd = _open(path)
    try:
        _wait(fd, kind, cancel, None, _SHORT_POLL)
        yield
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


def _wait(
    fd: int,
    kind: int,
    cancel: CancelToken | None,
    on_wait: Callable[[], None] | None,
    interval: float = _POLL,
) -> None:
    while not _try(fd, kind):
        if on_wait is not None:
            on_wait()
        if cancel is not None:
            cancel.wait(interval)
        else:
            time.sleep(interval)


def _try(fd: int, kind: int) -> bool:
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True

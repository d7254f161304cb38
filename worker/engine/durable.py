"""Writing so that a kill or a power cut leaves either nothing or the whole."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)


def fsync_directory(path: Path) -> None:
    """Make the names in a directory durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_filesystem(path: Path) -> None:
    """Make everything written so far to the file system of ``path`` durable, with one call (syncfs(2))."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _libc.syncfs(fd) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), os.fspath(path))
    finally:
        os.close(fd)


def write_atomically(path: Path, content: bytes, scratch: Path, mode: int = 0o444) -> None:
    """Make ``path`` hold ``content``, durably, replacing what it held; readers see the old or the new.

    Whoever writes the same name at the same time waits. A killed writer leaves at most one half-written file
    for each name, which the next writer of that name takes over.

    Args:
        scratch: A directory on the same file system, for the half-written file.
    """
    temporary = scratch / f"write-{path.name}"
    with os.fdopen(_open_alone(temporary), "wb") as file:
        try:
            file.truncate()
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    fsync_directory(path.parent)


def _open_alone(path: Path) -> int:
    """Open a file for writing that nobody else opens so until it is closed, or moved away (flock(2))."""
    while True:
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except PermissionError:
            if not path.exists():
                raise
            path.unlink()  # a killed writer may have left it in its last mode already
            continue
        fcntl.flock(fd, fcntl.LOCK_EX)
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(path.stat(), os.fstat(fd)):
                return fd
        os.close(fd)

"""Writing so that a kill or a power cut leaves either nothing or the whole."""

from __future__ import annotations

import ctypes
import fcntl
import os
import stat
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)
_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


def fsync_file(path: Path) -> None:
    """Make the content of a file durable."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


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


def exchange(one: Path, other: Path) -> None:
    """Let two names of one file system change places, at once (renameat2(2), RENAME_EXCHANGE).

    Raises:
        OSError: EINVAL if the file system cannot.
    """
    names = os.fsencode(one), os.fsencode(other)
    if _libc.renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), os.fspath(other))


def leads_to(path: Path, fd: int) -> bool:
    """Whether the name still means the open file, and not another one or none."""
    try:
        return os.path.samestat(path.stat(), os.fstat(fd))
    except FileNotFoundError:
        return False


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
            # Until it is in place its owner may write to it: so may the next writer, if this one is killed.
            os.fchmod(file.fileno(), mode | stat.S_IWUSR)
            os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        os.fchmod(file.fileno(), mode)
    fsync_directory(path.parent)


def _open_alone(path: Path) -> int:
    """Open a file for writing that nobody else opens so until it is closed, or moved away (flock(2))."""
    while True:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            if leads_to(path, fd):
                return fd
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)

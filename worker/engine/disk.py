"""What a disk may answer, and removing what stands on it. Small: the jailed child imports it too."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from typing import TYPE_CHECKING

from worker.engine.errors import DiskFull, StoreError, StoreNotWritable

if TYPE_CHECKING:
    from pathlib import Path

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_DENIED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


def explain(error: OSError, doing: str) -> StoreError:
    """Translate what the disk answered; the only place that does.

    Args:
        error: The answer.
        doing: What was tried, to complete "Could not ...": "write the blob".
    """
    where = f" ({os.fsdecode(error.filename)})" if error.filename else ""
    if error.errno in _FULL:
        return DiskFull(f"Could not {doing}: the disk is full.")
    if error.errno in _DENIED:
        return StoreNotWritable(f"Could not {doing}: {error.strerror}{where}.")
    return StoreError(f"Could not {doing}: {error.strerror or error}{where}.")


@contextlib.contextmanager
def disk_errors(doing: str) -> Iterator[None]:
    """Raise the :class:`StoreError` that an :class:`OSError` within the block means (see :func:`explain`)."""
    try:
        yield
    except OSError as error:
        raise explain(error, doing) from error


def remove_tree(path: Path) -> None:
    """Remove a directory and all in it; that it is gone already is no error.

    Follows no symbolic link, holds one file descriptor at any depth, and looks at everything once: what a
    hostile layer piled up must not exhaust the remover.
    """
    try:
        parent = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        remove_at(parent, os.fsencode(path.name))
    finally:
        os.close(parent)


def remove_at(parent: int, name: bytes) -> None:
    """Like :func:`remove_tree`, for the entry ``name`` (of any type) of an open directory."""
    try:
        found = os.lstat(name, dir_fd=parent)
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(found.st_mode):
        os.unlink(name, dir_fd=parent)
        return
    here = _enter(parent, name)
    pending = [_empty(here)]  # of each directory from ``name`` to ``here``: those in it that are left
    below: list[bytes] = []  # the names that lead from ``name`` to ``here``
    try:
        while True:
            if pending[-1]:
                deeper = pending[-1].pop()
                here = _move(here, deeper)
                below.append(deeper)
                pending.append(_empty(here))
            elif below:
                here = _move(here, b"..")
                os.rmdir(below.pop(), dir_fd=here)
                pending.pop()
            else:
                break
    finally:
        os.close(here)
    os.rmdir(name, dir_fd=parent)


def _empty(directory: int) -> list[bytes]:
    """Unlink what is no directory; return the names of the directories."""
    directories = []
    for name in os.listdir(directory):
        raw = os.fsencode(name)
        try:
            os.unlink(raw, dir_fd=directory)
        except (IsADirectoryError, PermissionError):
            directories.append(raw)
    return directories


def _enter(directory: int, name: bytes) -> int:
    return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)


def _move(directory: int, name: bytes) -> int:
    """Open ``name``, and let go of the directory that it is in."""
    entered = _enter(directory, name)
    os.close(directory)
    return entered

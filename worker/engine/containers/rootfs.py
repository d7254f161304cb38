"""Looking into an image's tree, which may be hostile: nothing here leaves the tree.

Every path is resolved by the kernel as a process inside of the container would see it (openat2(2) with
RESOLVE_IN_ROOT): absolute links start at the tree's own root and ``..`` stops there.
"""

from __future__ import annotations

import contextlib
import errno
import os
import posixpath
import stat
from collections.abc import Iterator
from pathlib import Path

from worker.engine.containers import kernel
from worker.engine.errors import CommandNotFound

# What a lookup answers for "there is nothing of that name", a loop of links included.
_ABSENT = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EACCES, errno.ENXIO, errno.ENAMETOOLONG})
_RACES = 100


@contextlib.contextmanager
def opened(root: Path, path: str, flags: int) -> Iterator[int | None]:
    """Open ``path`` as it is seen from inside of ``root``; None if there is no such thing.

    Raises:
        OSError: anything but absence.
    """
    top = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        descriptor = _open(top, path, flags)
    finally:
        os.close(top)
    try:
        yield descriptor
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _open(top: int, path: str, flags: int) -> int | None:
    for attempt in range(_RACES):
        try:
            return kernel.openat2(top, path, flags, kernel.RESOLVE_IN_ROOT | kernel.RESOLVE_NO_MAGICLINKS)
        except OSError as error:
            if error.errno in _ABSENT:
                return None
            # EAGAIN: something was renamed meanwhile and ".." can not be trusted; look again.
            if error.errno != errno.EAGAIN or attempt == _RACES - 1:
                raise
    return None


def read_file(root: Path, path: str, limit: int) -> bytes | None:
    """Read at most ``limit`` bytes of a regular file of the tree; None if there is no such file."""
    # Non-blocking: a named pipe in the file's place must not hold us.
    with opened(root, path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY) as descriptor:
        if descriptor is None or not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        with os.fdopen(os.dup(descriptor), "rb") as file:
            return file.read(limit)


def check_program(root: Path, name: str, search: str, working_dir: str) -> None:
    """Check that the tree has the program ``name``, as execvp(3) would look for it.

    Args:
        search: The value of ``PATH``.
        working_dir: Where names that hold a slash but do not start with one begin.

    Raises:
        CommandNotFound: it does not exist, or cannot be executed.
    """
    if "/" in name:
        candidates = [posixpath.join(working_dir, name)]
    else:
        candidates = [posixpath.join(working_dir, directory, name) for directory in search.split(":")]
    found = [mode for mode in (_mode(root, path) for path in candidates) if mode is not None]
    if any(stat.S_ISREG(mode) and mode & 0o111 for mode in found):
        return
    if not name:
        problem = "The command is empty"
    elif any(stat.S_ISREG(mode) for mode in found):
        problem = f"“{name}” is in the image, but not executable"
    elif found:
        problem = f"“{name}” is not a program"
    else:
        problem = f"The image has no program “{name}”"
    looked = "" if "/" in name else f" (searched {search})"
    raise CommandNotFound(f"{problem}{looked}.")


def _mode(root: Path, path: str) -> int | None:
    with opened(root, path, os.O_PATH) as descriptor:
        return None if descriptor is None else os.fstat(descriptor).st_mode

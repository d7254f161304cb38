"""Walking a directory tree of any depth, safely: never through a link, never onto another file system."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Found(NamedTuple):
    """One entry of a tree.

    Attributes:
        path: From the top.
        parent: Its directory, open until the next entry is asked for.
        name: In that directory.
        status: Of itself, not of what a link leads to.
    """

    path: bytes
    parent: int
    name: bytes
    status: os.stat_result


def walk(top: Path) -> Iterator[Found]:
    """Yield everything below ``top``, a directory before what is in it; one open file at any depth.

    What vanishes meanwhile is left out; mount points are yielded, and not entered.

    Raises:
        FileNotFoundError: ``top``, or a directory on the way back up, is gone.
        OSError: the disk refuses.
    """
    here = os.open(top, _OPEN)
    try:
        ways: list[tuple[bytes, os.stat_result, list[bytes]]] = []  # prefix, identity, directories to enter
        prefix = b""
        device = os.fstat(here).st_dev
        while True:
            deeper: list[bytes] = []
            for found in _entries(here, prefix):
                yield found
                if stat.S_ISDIR(found.status.st_mode) and found.status.st_dev == device:
                    deeper.append(found.name)
            ways.append((prefix, os.fstat(here), deeper[::-1]))
            while True:
                prefix, _, left = ways[-1]
                if left:
                    name = left.pop()
                    try:
                        here = _move(here, name)
                    except (FileNotFoundError, NotADirectoryError):
                        continue
                    prefix = prefix + name + b"/"
                    break
                ways.pop()
                if not ways:
                    return
                here = _move(here, b"..")
                if not os.path.samestat(os.fstat(here), ways[-1][1]):
                    raise FileNotFoundError(f"{top} is moved about")
    finally:
        os.close(here)


def usage(top: Path) -> int:
    """Bytes on disk of a file, or of everything in a directory; hard links count once. 0 if it is gone.

    Raises:
        OSError: the disk refuses.
    """
    try:
        status = top.lstat()
        total = status.st_blocks * 512
        if stat.S_ISDIR(status.st_mode):
            seen: set[tuple[int, int]] = set()
            total += sum(on_disk(found.status, seen) for found in walk(top))
    except FileNotFoundError:
        return 0
    return total


def on_disk(status: os.stat_result, seen: set[tuple[int, int]]) -> int:
    """Bytes on disk of one entry; 0 if it is another name of what was seen before."""
    if status.st_nlink > 1 and not stat.S_ISDIR(status.st_mode):
        identity = (status.st_dev, status.st_ino)
        if identity in seen:
            return 0
        seen.add(identity)
    return status.st_blocks * 512


def _entries(directory: int, prefix: bytes) -> Iterator[Found]:
    for text in os.listdir(directory):
        name = os.fsencode(text)
        try:
            status = os.lstat(name, dir_fd=directory)
        except FileNotFoundError:
            continue
        yield Found(prefix + name, directory, name, status)


def _move(directory: int, name: bytes) -> int:
    """Open ``name``, and let go of the directory that it is in."""
    entered = os.open(name, _OPEN, dir_fd=directory)
    os.close(directory)
    return entered

"""How much room a disk has."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from worker.engine.disk import disk_errors


@dataclass(frozen=True, slots=True)
class Space:
    """Of the disk that a directory lies on, in bytes.

    Attributes:
        total: all of it.
        free: what is left for this program.
    """

    total: int
    free: int


def disk_space(path: Path) -> Space:
    """Look at the disk of a directory, which need not exist yet.

    Raises:
        StoreError: it cannot be told.
    """
    there = next(parent for parent in (path, *path.parents) if parent.exists())
    with disk_errors("look at the disk"):
        disk = os.statvfs(there)
    return Space(total=disk.f_blocks * disk.f_frsize, free=disk.f_bavail * disk.f_frsize)

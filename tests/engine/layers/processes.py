"""Looking at the processes that extract layers."""

from __future__ import annotations

import contextlib
from pathlib import Path


def below(pid: int) -> list[int]:
    """Children of a process that are forkservers, or were forked by one.

    Not all children: a test session's other fixtures have servers running.
    """
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # that thread has ended
            found += [int(child) for child in task.read_text().split()]
    return sorted(child for child in found if alive(child) and b"forkserver" in _command(child))


def alive(pid: int) -> bool:
    """Whether the process is there, and not only waits to be forgotten."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""

"""Whether this worker is being ended: one byte that its main process and its children share."""

from __future__ import annotations

import mmap
import os

# Anonymous shared memory: made when the main process imports this, inherited by every child that it forks.
_shared = mmap.mmap(-1, 1)
_parents: list[int] = []


def stop() -> None:
    """Tell every process of this worker to end what it does. Safe in a signal handler."""
    _shared[0] = 1


def stopping() -> bool:
    """Whether this worker is being ended, or its main process has gone without a word."""
    return _shared[0] == 1 or (bool(_parents) and os.getppid() != _parents[-1])


def remember_parent() -> None:
    """Note, in a process just forked, which one is the main process."""
    _parents.append(os.getppid())

"""Ending what takes too long.

The time limit of a socket starts anew with each byte. Whoever sends one now and then, in the middle of a line
that never ends, holds a reader for ever; so somebody else must look at the clock.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

_LOOK = 0.1  # seconds between two looks at the clock


class Deadline:
    """One time limit.

    Attributes:
        passed: Whether it has been reached.
    """

    def __init__(self, seconds: float, end: Callable[[], None]) -> None:
        self.passed = False
        self.end = end
        self.at = time.monotonic() + seconds


class Deadlines:
    """The time limits of one client; one thread looks at all of them, while there are any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[Deadline] = set()
        self._watched = False

    @contextlib.contextmanager
    def within(self, seconds: float, end: Callable[[], None]) -> Iterator[Deadline]:
        """Call ``end`` from another thread if the block takes longer; it should make the block end."""
        deadline = Deadline(seconds, end)
        with self._lock:
            self._running.add(deadline)
            if not self._watched:
                self._watched = True
                threading.Thread(target=self._watch, name="deadlines", daemon=True).start()
        try:
            yield deadline
        finally:
            with self._lock:
                self._running.discard(deadline)

    def _watch(self) -> None:
        while True:
            time.sleep(_LOOK)
            now = time.monotonic()
            with self._lock:
                if not self._running:
                    self._watched = False
                    return
                late = [deadline for deadline in self._running if deadline.at <= now]
                for deadline in late:
                    deadline.passed = True
                    self._running.discard(deadline)
            for deadline in late:
                # What it ends may have just ended by itself.
                with contextlib.suppress(OSError, ValueError, RuntimeError):
                    deadline.end()

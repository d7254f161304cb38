"""Telling the listener how layers move on: one event at a time, and not too many."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence

from worker.engine.events import Event, LayerProgress, Listener, Phase, RateLimitSeen, Retrying
from worker.engine.pipeline.plan import LayerTask
from worker.engine.registry import RateLimit

_INTERVAL = 0.05  # seconds between two events of one layer in one phase


class Announcer:
    """Passes events of several threads on, one at a time."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._lock = threading.Lock()

    def tell(self, event: Event) -> None:
        with self._lock:
            self._listener(event)

    def retrying(self, reason: str, attempt: int, delay: float) -> None:
        """A request failed for now, and is sent again after ``delay`` seconds."""
        self.tell(Retrying(None, reason, attempt, delay))

    def rate_limit(self, host: str, seen: RateLimit) -> None:
        """A registry said how many pulls it still grants."""
        told = RateLimitSeen(host, seen.limit, seen.remaining, seen.window, seen.source, seen.wait)
        self.tell(told)


class LayerReporter:
    """Tells how one layer moves on.

    Attributes:
        fetched: Bytes that crossed the wire so far.
        unpacked: Bytes of uncompressed tar so far.
    """

    def __init__(self, announcer: Announcer, task: LayerTask) -> None:
        self._announcer = announcer
        self._task = task
        self._lock = threading.Lock()
        self._phase = Phase.WAITING
        self._done = 0
        self._shared = False
        self._held_back = False
        self._next = 0.0
        self.fetched = 0
        self.unpacked = 0

    def moved(self, phase: Phase, done: int, *, shared: bool = False) -> None:
        """The layer is in ``phase`` now, with ``done`` compressed bytes consumed in it.

        ``shared``: by somebody else, who brings it for us too.
        """
        with self._lock:
            too_soon = phase is self._phase and time.monotonic() < self._next
            self._phase, self._done, self._shared = phase, done, shared
            if too_soon:
                self._held_back = True
            else:
                self._tell()

    def flush(self) -> None:
        """Tell what came too soon after the event before it, if nothing has been told since."""
        with self._lock:
            if self._held_back and time.monotonic() >= self._next:
                self._tell()

    def retrying(self, reason: str, attempt: int, delay: float) -> None:
        """Fetching it failed for now, and goes on after ``delay`` seconds."""
        self._announcer.tell(Retrying(self._task.positions[0], reason, attempt, delay))

    def _tell(self) -> None:
        self._held_back = False
        self._next = time.monotonic() + _INTERVAL
        size = self._task.descriptor.size
        for position in self._task.positions:
            self._announcer.tell(
                LayerProgress(
                    position, self._phase, self._done, size, self.fetched, self.unpacked, self._shared
                )
            )


@contextlib.contextmanager
def flushing(reporters: Sequence[LayerReporter]) -> Iterator[None]:
    """Let nothing be held back for long within the block: who waits for a stalled registry sees where."""
    ended = threading.Event()

    def run() -> None:
        while not ended.wait(_INTERVAL):
            for reporter in reporters:
                reporter.flush()

    thread = threading.Thread(target=run, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()

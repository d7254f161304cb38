"""Cancellation: one flag that threads poll and that wakes what blocks."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

from worker.engine.errors import Cancelled


class CancelToken:
    """Set once, seen everywhere.

    A blocking call (a socket read, a child process) registers with :meth:`on_cancel` what wakes it, so that
    cancelling takes effect at once and not at the end of the current blob.
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._wakers: list[Callable[[], None]] = []

    @property
    def cancelled(self) -> bool:
        return self._event.is_set()

    def cancel(self) -> None:
        """Cancel, and wake everything that registered; safe to call twice and from any thread."""
        with self._lock:
            self._event.set()
            wakers = list(self._wakers)
        for wake in wakers:
            # A waker acts on something that may have just ended by itself; that is no failure.
            with contextlib.suppress(OSError, ValueError):
                wake()

    def check(self) -> None:
        """Raise :class:`Cancelled` if cancelled."""
        if self._event.is_set():
            raise Cancelled("It was cancelled.")

    def wait(self, seconds: float) -> None:
        """Sleep, but no longer than until cancelled; then raise :class:`Cancelled`."""
        self._event.wait(seconds)
        self.check()

    @contextlib.contextmanager
    def on_cancel(self, wake: Callable[[], None]) -> Iterator[None]:
        """Call ``wake`` if cancelled within the block (at once, if cancelled before)."""
        with self._lock:
            self._wakers.append(wake)
            already = self._event.is_set()
        if already:
            with contextlib.suppress(OSError, ValueError):
                wake()
        try:
            yield
        finally:
            with self._lock:
                self._wakers.remove(wake)

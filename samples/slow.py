"""A line with a limited bandwidth, shared by all connections, so that progress can be watched."""

from __future__ import annotations

import threading
import time


class Bandwidth:
    """Lets ``rate`` bytes a second pass; may be used from several threads."""

    def __init__(self, rate: float) -> None:
        if rate <= 0:
            raise ValueError("the rate must be above zero bytes a second")
        self._rate = rate
        self._lock = threading.Lock()
        self._free_at = time.monotonic()

    @property
    def piece(self) -> int:
        """Bytes to send at once, so that it looks like a flow: about a twentieth of a second's worth."""
        return max(1024, min(1 << 16, int(self._rate / 20)))

    def take(self, size: int) -> None:
        """Wait until ``size`` bytes may pass."""
        with self._lock:
            self._free_at = max(self._free_at, time.monotonic()) + size / self._rate
            wait = self._free_at - time.monotonic()
        if wait > 0:
            time.sleep(wait)

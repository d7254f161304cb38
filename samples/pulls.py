"""A limit on pulls, as Docker Hub has one: manifests by GET count, by HEAD they do not."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field


@dataclass
class PullLimit:
    """How many pulls a registry grants, and how many were made; change it at any time.

    Attributes:
        limit: Pulls within the window.
        used: How many of them were made.
        window: In seconds.
        source: Who is counted.
    """

    limit: int
    used: int = 0
    window: int = 21_600
    source: str = "192.0.2.1"
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, method: str) -> bool:
        """Count a request for a manifest; False if it may not be answered."""
        with self._lock:
            if self.used >= self.limit:
                return method == "HEAD"
            self.used += method == "GET"
            return True

    @property
    def headers(self) -> dict[str, str]:
        """What answers say of it."""
        left = self.limit - self.used
        return {
            "ratelimit-limit": f"{self.limit};w={self.window}",
            "ratelimit-remaining": f"{left};w={self.window}",
            "docker-ratelimit-source": self.source,
        }

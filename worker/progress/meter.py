"""Speed, smoothed."""

from __future__ import annotations

import math

# Seconds after which a change of pace has mostly (63 %) arrived in the figure shown.
_TIME_CONSTANT = 2.0


class Meter:
    """An exponential moving average of a byte counter's pace, right for uneven intervals between samples."""

    def __init__(self) -> None:
        self.speed = 0.0
        self._count = 0
        self._at: float | None = None

    def sample(self, count: int, at: float) -> float:
        """Note that ``count`` bytes had moved by ``at`` (seconds, monotonic); return bytes per second."""
        if self._at is None:
            self._count, self._at = count, at
            return self.speed
        elapsed = at - self._at
        if elapsed <= 0:
            return self.speed
        pace = max(0, count - self._count) / elapsed
        weight = 1.0 if self.speed == 0 else 1 - math.exp(-elapsed / _TIME_CONSTANT)
        self.speed += weight * (pace - self.speed)
        if self.speed < 1:
            self.speed = 0.0
        self._count, self._at = count, at
        return self.speed

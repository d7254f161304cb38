"""Trying again what failed for a while: with growing, random pauses and an end."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from worker.engine.cancel import CancelToken
from worker.engine.errors import RegistryError

_Result = TypeVar("_Result")
OnRetry = Callable[[str, int, float], None]


def ignore_retries(reason: str, attempt: int, delay: float) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When to stop trying.

    Attributes:
        attempts: At most so many calls, the first included.
        first_delay: Seconds before the second; each next pause is twice as long, less up to a half at random,
            so that many workers do not come back at the same moment.
        longest_delay: Seconds that no pause exceeds, not even when the registry asks for more.
        budget: Seconds since the first call after which no further one is made.
    """

    attempts: int = 5
    first_delay: float = 0.5
    longest_delay: float = 30.0
    budget: float = 90.0

    def delay(self, error: RegistryError, attempt: int) -> float | None:
        """Seconds to wait after failed call number ``attempt`` (from 1); None means to give up."""
        if not error.temporary or attempt >= self.attempts:
            return None
        if error.retry_after is not None:
            return error.retry_after if error.retry_after <= self.longest_delay else None
        most = min(self.longest_delay, self.first_delay * 2.0 ** (attempt - 1))
        return most * random.uniform(0.5, 1.0)  # noqa: S311 (no secret)

    def run(self, call: Callable[[], _Result], cancel: CancelToken, on_retry: OnRetry) -> _Result:
        """Call until it succeeds.

        Raises:
            RegistryError: one that is not temporary, or the last one.
            Cancelled: also in the middle of a pause.
        """
        started = time.monotonic()
        attempt = 1
        while True:
            try:
                return call()
            except RegistryError as error:
                delay = self.delay(error, attempt)
                if delay is None or time.monotonic() + delay - started > self.budget:
                    raise
                on_retry(error.message, attempt, delay)
            cancel.wait(delay)
            attempt += 1

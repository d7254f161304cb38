"""Trying again what failed for a while: with growing, random pauses and an end."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from worker.engine.cancel import CancelToken
from worker.engine.errors import ConnectionRefused, RegistryError, RegistryTimeout

_Result = TypeVar("_Result")
OnRetry = Callable[[str, int, float], None]


def ignore_retries(reason: str, attempt: int, delay: float) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When to stop trying.

    Attributes:
        attempts: At most so many calls, the first included.
        first_contact: The same where nobody listens, and nobody has answered before: somebody waits to hear
            that the name or the port is wrong.
        first_delay: Seconds before the second; each next pause is twice as long, less up to a half at random,
            so that many workers do not come back at the same moment.
        longest_delay: Seconds that no pause exceeds; when the registry asks for more, it is the end.
        budget: Seconds since the first call after which no further one is made.
    """

    attempts: int = 6
    first_contact: int = 2
    first_delay: float = 0.5
    longest_delay: float = 30.0
    budget: float = 90.0

    def delay(self, error: RegistryError, attempt: int) -> float | None:
        """Seconds to wait after failed call number ``attempt`` (from 1); None means to give up."""
        if not error.temporary or attempt >= self.attempts:
            return None
        most = min(self.longest_delay, self.first_delay * 2.0 ** (attempt - 1))
        pause = most * random.uniform(0.5, 1.0)  # noqa: S311 (no secret)
        if error.retry_after is None:
            return pause
        # At that moment, or a little later: many may have been told the same.
        return error.retry_after + pause if error.retry_after <= self.longest_delay else None

    def run(
        self,
        call: Callable[[], _Result],
        cancel: CancelToken,
        on_retry: OnRetry,
        answered: Callable[[], bool] = lambda: True,
    ) -> _Result:
        """Call until it succeeds.

        Args:
            answered: Whether the other side has ever answered.

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
                silent = isinstance(error, ConnectionRefused | RegistryTimeout) and not answered()
                if silent and attempt >= self.first_contact:
                    raise
                if delay is None or time.monotonic() + delay - started > self.budget:
                    raise
                on_retry(error.message, attempt, delay)
            cancel.wait(delay)
            attempt += 1

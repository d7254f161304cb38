"""Asking a registry while somebody waits: time limits are short, and nothing is tried more than twice."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import replace

from worker.engine.cancel import CancelToken
from worker.engine.errors import Cancelled, RegistryTimeout
from worker.engine.registry.endpoint import Endpoint
from worker.engine.registry.retry import RetryPolicy

HASTY = RetryPolicy(attempts=2, first_delay=0.3, longest_delay=2.0, budget=6.0)
"""One retry at most."""
_CONNECT_SECONDS = 5.0
_STALL_SECONDS = 10.0
SECONDS = 20.0
"""For an answer as a whole."""
_HINT = "Try again later; or pull without looking first: a pull waits longer."


def impatient(endpoint: Endpoint, *, in_turn: bool = True) -> Endpoint:
    """Return the same registry, and the same mirrors, with short time limits.

    Args:
        in_turn: Mirrors are waited for one after another. They share what one registry gets, so that there is
            time left for the registry itself when none of them answers.
    """
    share = max(1, len(endpoint.mirrors)) if in_turn else 1
    mirrors = tuple(_limited(mirror, share) for mirror in endpoint.mirrors)
    return replace(_limited(endpoint), mirrors=mirrors)


def _limited(endpoint: Endpoint, share: int = 1) -> Endpoint:
    return replace(endpoint, connect_timeout=_CONNECT_SECONDS / share, stall_timeout=_STALL_SECONDS / share)


@contextlib.contextmanager
def within_reason(
    endpoint: Endpoint, seconds: float | None = None, hint: str = _HINT
) -> Iterator[CancelToken]:
    """Give up when the answer as a whole takes too long, however steadily it trickles: :data:`SECONDS`.

    Raises:
        RegistryTimeout: it did.
    """
    seconds = SECONDS if seconds is None else seconds
    cancel = CancelToken()
    timer = threading.Timer(seconds, cancel.cancel)
    timer.daemon = True
    timer.start()
    try:
        yield cancel
    except Cancelled as error:
        raise RegistryTimeout(
            f"{endpoint.host} took longer than {seconds:.0f} seconds to answer.",
            hint=hint,
        ) from error
    finally:
        timer.cancel()

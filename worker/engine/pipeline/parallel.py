"""Doing several things at once, until one of them fails."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TypeVar

from worker.engine.cancel import CancelToken
from worker.engine.errors import Cancelled

_Result = TypeVar("_Result")


@contextlib.contextmanager
def scope(outer: CancelToken | None) -> Iterator[CancelToken]:
    """A token of its own for a group of threads: cancelled with ``outer``, but not the other way round."""
    inner = CancelToken()
    if outer is None:
        yield inner
        return
    with outer.on_cancel(inner.cancel):
        yield inner


def run_all(calls: Sequence[Callable[[], _Result]], at_once: int, cancel: CancelToken) -> tuple[_Result, ...]:
    """Call all, ``at_once`` at a time, in threads; return the results in the same order.

    As soon as one fails the others are cancelled, by ``cancel``, and waited for.

    Raises:
        Exception: what the first that failed raised.
        Cancelled: by somebody else.
    """
    if not calls:
        return ()
    with ThreadPoolExecutor(at_once, thread_name_prefix="layer") as pool:
        futures = [pool.submit(_unless_cancelled, cancel, call) for call in calls]
        try:
            wait(futures, return_when=FIRST_EXCEPTION)
        finally:
            # Also when this thread is interrupted itself: leaving the block waits for the others.
            if not all(future.done() and future.exception() is None for future in futures):
                cancel.cancel()
    failures = [error for future in futures if (error := future.exception()) is not None]
    # The others were only cancelled for the sake of the one that failed.
    for failure in sorted(failures, key=lambda error: isinstance(error, Cancelled)):
        raise failure
    return tuple(future.result() for future in futures)


def _unless_cancelled(cancel: CancelToken, call: Callable[[], _Result]) -> _Result:
    cancel.check()
    return call()

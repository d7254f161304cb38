"""The progress on a terminal of a job that keeps the store in order."""

from __future__ import annotations

import shutil
import threading
import time
from typing import Self, TextIO

from worker.engine.events import Event, Keeping
from worker.management.bar import size

_REDRAW_SECONDS = 0.1
_SAY_SECONDS = 10.0


class StepLine:
    """Listen to a job that keeps the store in order: one line, redrawn; without a terminal, plain lines.

    A context manager; the line is gone afterwards.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._redraws = out.isatty()
        self._lock = threading.Lock()
        self._step = ""
        self._said_at = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self._redraws:
            self._out.write("\r\x1b[K")
            self._out.flush()

    def __call__(self, event: Event) -> None:
        if not isinstance(event, Keeping):
            return
        with self._lock:
            at = time.monotonic()
            is_new = event.step != self._step
            if is_new or at - self._said_at >= (_REDRAW_SECONDS if self._redraws else _SAY_SECONDS):
                self._step, self._said_at = event.step, at
                self._say(event)

    def _say(self, event: Keeping) -> None:
        if not self._redraws:
            print(_line(event), file=self._out, flush=True)
            return
        self._out.write(f"\r\x1b[K{_line(event)[: shutil.get_terminal_size().columns - 1]}")
        self._out.flush()


def _line(event: Keeping) -> str:
    parts = [event.step]
    if event.total:
        parts.append(f"{event.done:,} of {event.total:,}")
    elif event.done:
        parts.append(f"{event.done:,}")
    if event.bytes:
        parts.append(size(event.bytes))
    if event.subject:
        parts.append(event.subject)
    return "  ".join(parts)

"""Extracting one layer in a jail: what a child of ``forkserver`` does until it ends.

It reads the compressed layer from its standard input. A report is one line of JSON: ``{"unpacked": bytes}``
ten times a second; at the end ``{"done": {...}}`` or ``{"error": {...}}``.
"""

from __future__ import annotations

import io
import json
import os
import threading
from dataclasses import asdict
from typing import Any, NoReturn

from worker.engine import disk
from worker.engine.errors import StrataError, UnsafeLayer
from worker.engine.layers import jail
from worker.engine.layers.limits import Limits
from worker.engine.layers.stream import Inflated
from worker.engine.layers.unpack import Unpacked, unpack

_INTERVAL = 0.1  # seconds between reports
_OUT_OF_MEMORY = UnsafeLayer("The layer is refused: extracting it takes too much memory.")


def work(tree: str, index_fd: int, report_fd: int, limits: Limits) -> NoReturn:
    """Extract, and report how it ended; this is the boundary where every error becomes a report.

    Args:
        tree: The directory to fill.
        index_fd: The open file index, to be written.
        report_fd: The pipe to report on.
    """
    report = _Report(report_fd)
    try:
        done = _extract(tree, index_fd, limits, report)
        named = {key: _names(getattr(done, key)) for key in ("opaque", "implied", "left_out")}
        report.send(done={**asdict(done), **named})
    except MemoryError:
        failure: StrataError = _OUT_OF_MEMORY
    except Exception as error:  # noqa: BLE001
        failure = _explain(error)
    else:
        os._exit(0)  # at once: nothing is left to do, and the threads need not end first
    report.send(error={"code": failure.code, "message": failure.message, "hint": failure.hint})
    os._exit(0)


class _Report:
    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._lock = threading.Lock()

    def send(self, **line: Any) -> None:
        with self._lock:
            data = json.dumps(line).encode() + b"\n"
            while data:
                data = data[os.write(self._fd, data) :]

    def watch(self, stream: Inflated) -> None:
        """Report the stream's progress, from a thread, as long as the process lives."""

        def run() -> None:
            pause = threading.Event()
            while not pause.wait(_INTERVAL):
                self.send(unpacked=stream.unpacked)

        threading.Thread(target=run, daemon=True).start()


def _extract(tree: str, index_fd: int, limits: Limits, report: _Report) -> Unpacked:
    jail.enter(os.fsencode(tree), limits.memory_bytes)
    root = os.open("/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    with io.FileIO(0) as source, os.fdopen(index_fd, "r+b", buffering=0) as index_file:
        return unpack(source, root, index_file, limits, report.watch)


def _names(paths: list[bytes] | None) -> list[str] | None:
    """JSON escapes what of a name is no text, and the parent restores it."""
    return None if paths is None else [os.fsdecode(path) for path in paths]


def _explain(error: Exception) -> StrataError:
    if isinstance(error, StrataError):
        return error
    if isinstance(error, OSError):
        return disk.explain(error, "write the layer")
    return StrataError(f"Extraction failed: {type(error).__name__}: {error}.")

"""Find the processes of one test by a mark in their environment, whoever their parent is now."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

MARK = "STRATA_TEST_MARK"


def marked(mark: str) -> dict[int, str]:
    """Return the command line of every living process that was started with ``mark``."""
    return {pid: command for pid, (command, marks) in _living().items() if mark in marks}


def commands() -> dict[int, str]:
    """Return the command line of every living process."""
    return {pid: command for pid, (command, _) in _living().items()}


def _living() -> dict[int, tuple[str, list[str]]]:
    """Return command line and marks of every living process."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            environ = (entry / "environ").read_bytes().split(b"\0")
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state not in {"Z", "X"}:
            head = f"{MARK}=".encode()
            marks = [line.removeprefix(head).decode() for line in environ if line.startswith(head)]
            found[int(entry.name)] = (command.strip(), marks)
    return found


def wait_until(reached: Callable[[], object], seconds: float, what: str | Callable[[], str]) -> None:
    """Wait until ``reached`` is true; fail after ``seconds``, saying ``what`` (asked for only then)."""
    deadline = time.monotonic() + seconds
    while not reached():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what if isinstance(what, str) else what()}")
        time.sleep(0.05)


def kill_marked(mark: str) -> None:
    """Leave nothing of a test behind."""
    for pid in marked(mark):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue

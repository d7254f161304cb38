"""The guard: a small process that outlives a supervisor killed with SIGKILL, and ends what that left running.

It is forked before anything is started, sits in a session of its own, and reads from a pipe which process
groups live. While the supervisor lives it does nothing. The end of the pipe means that it is gone.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress

from supervisor import linux
from supervisor.settings import ROOT

_GRACE = 2.5


class Guard:
    """The supervisor's end of the pipe."""

    def __init__(self, last_command: tuple[str, ...]) -> None:
        """Fork the guard; ``last_command`` is what it runs after it has ended all groups.

        It inherits the lock on the data directory, so that a new start waits until it is done.
        """
        reader, self._writer = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._writer)
            _guard(reader, last_command)
        os.close(reader)

    def watch(self, group: int) -> None:
        """Tell the guard about a process group."""
        self._send(f"+{group}\n")

    def forget(self, group: int) -> None:
        """Tell the guard that a process group has ended, so that it never signals a number used anew."""
        self._send(f"-{group}\n")

    def dismiss(self) -> None:
        """End the guard: everything was ended in order."""
        self._send("done\n")
        os.close(self._writer)
        with suppress(ChildProcessError):
            os.waitpid(self.pid, 0)

    def _send(self, message: str) -> None:
        with suppress(BrokenPipeError):  # somebody killed the guard; the supervisor works without
            os.write(self._writer, message.encode())


def _guard(reader: int, last_command: tuple[str, ...]) -> None:
    """Be the guard; never return."""
    try:
        os.setsid()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
            signal.signal(number, signal.SIG_IGN)
        _detach_terminal()
        groups: dict[int, None] = {}
        with os.fdopen(reader) as messages:
            for message in messages:
                if message == "done\n":
                    return
                group = int(message[1:])
                if message[0] == "+":
                    groups[group] = None
                else:
                    groups.pop(group, None)
        _end(list(groups), last_command)
    finally:
        os._exit(0)


def _detach_terminal() -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)


def _end(groups: list[int], last_command: tuple[str, ...]) -> None:
    """End ``groups``: TERM to each leader, and KILL to the whole group after a grace."""
    for group in reversed(groups):
        linux.send(os.kill, group, signal.SIGTERM)
    deadline = time.monotonic() + _GRACE
    while time.monotonic() < deadline and any(linux.send(os.killpg, group, 0) for group in groups):
        time.sleep(0.05)
    for group in groups:
        linux.send(os.killpg, group, signal.SIGKILL)
    subprocess.run(last_command, cwd=ROOT, check=False, timeout=5)

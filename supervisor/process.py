"""A program, and the process that runs it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from supervisor import linux
from supervisor.logs import Lines
from supervisor.settings import ROOT

_FIRST_DELAY = 0.5
_LONGEST_DELAY = 30.0
# One that ran this long has recovered; its next death starts with the shortest delay again.
_RECOVERED = 30.0


def show_all(line: str) -> str | None:
    return line or None


@dataclass(frozen=True)
class Program:
    """What to run.

    Attributes:
        name: how its lines are marked.
        env: variables on top of the supervisor's own.
        ready: a line that says that it has started; None: it counts as started at once.
        show: what to print of a line; None to print nothing. Hidden lines are shown if it dies.
    """

    name: str
    command: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    ready: re.Pattern[str] | None = None
    show: Callable[[str], str | None] = show_all


class Process:
    """One program, run in a session of its own so that a Ctrl-C reaches only the supervisor.

    Attributes:
        deaths: times that it ended since it last ran for long.
        ready: whether it has said that it has started.
        exit_code: of its last end, negative for a signal; None while it runs.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.deaths = 0
        self.ready = False
        self.exit_code: int | None = None
        self._restart_at: float | None = None
        self._popen: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._lines = Lines()
        self._hidden: deque[str] = deque(maxlen=15)

    @property
    def pid(self) -> int:
        """Its process ID, and that of its process group; 0 before its first start."""
        return self._popen.pid if self._popen else 0

    @property
    def running(self) -> bool:
        return self._popen is not None and self.exit_code is None

    def start(self) -> int:
        """Start it, and return the descriptor of its output: it does not block, and the caller closes it."""
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        try:
            self._popen = subprocess.Popen(
                self.program.command,
                cwd=ROOT,
                env={**os.environ, **self.program.env},
                stdin=subprocess.DEVNULL,
                stdout=writer,
                stderr=writer,
                start_new_session=True,
            )
        except OSError:
            os.close(reader)
            raise
        finally:
            os.close(writer)
        self._started_at = time.monotonic()
        self._lines = Lines()
        self._hidden.clear()
        self.exit_code = self._restart_at = None
        self.ready = self.program.ready is None
        return reader

    def read(self, data: bytes) -> list[str]:
        """Take output (b"" at its end) and return the lines to print."""
        shown = []
        for line in self._lines.feed(data) if data else self._lines.end():
            if self.program.ready and not self.ready and self.program.ready.search(line):
                self.ready = True
            if text := self.program.show(line):
                shown.append(text)
            elif line:
                self._hidden.append(line)
        return shown

    def reap(self) -> int:
        """Collect the exit code of a process that has ended, and plan its next start."""
        if self._popen is None:
            raise RuntimeError(f"{self.program.name} was never started")
        now = time.monotonic()
        self.exit_code = self._popen.wait()
        self.deaths = 1 if now - self._started_at > _RECOVERED else self.deaths + 1
        self._restart_at = now + self.delay
        return self.exit_code

    @property
    def is_due(self) -> bool:
        """Whether it has ended and its time to be started again has come."""
        return self._restart_at is not None and self._restart_at <= time.monotonic()

    @property
    def delay(self) -> float:
        """Seconds to wait before the next start: doubled with every death in a row."""
        return min(_FIRST_DELAY * 2.0 ** min(self.deaths - 1, 10), _LONGEST_DELAY)

    @property
    def hidden(self) -> list[str]:
        """The last lines that were not printed."""
        return list(self._hidden)

    @property
    def ending(self) -> str:
        """How it ended, in words."""
        if self.exit_code is not None and self.exit_code < 0:
            try:
                return f"was ended by {signal.Signals(-self.exit_code).name}"
            except ValueError:
                return f"was ended by signal {-self.exit_code}"
        return f"ended with exit code {self.exit_code}"

    def terminate(self) -> None:
        """Ask the program to end. Only its first process: it ends its own children in its own order."""
        if self.running:
            linux.send(os.kill, self.pid, signal.SIGTERM)

    def kill_group(self) -> None:
        """End at once whatever is left of its process group, also after its first process has ended."""
        if self.pid:
            linux.send(os.killpg, self.pid, signal.SIGKILL)

"""The processes that run now: their output, their ends, and the signals that reach us, in one loop."""

from __future__ import annotations

import os
import selectors
import signal
import time
from collections.abc import Callable, Iterable
from types import FrameType

from supervisor.guard import Guard
from supervisor.linux import descendants
from supervisor.logs import Printer
from supervisor.problem import Problem
from supervisor.process import Process

_TURN = 0.2


class Crew:
    """Starts processes, prints what they say, and collects them.

    Attributes:
        stopping: whether somebody asked for the end; may be set by a signal at any moment.
    """

    def __init__(self, printer: Printer, guard: Guard, on_end: Callable[[Process], None]) -> None:
        """``on_end`` is called with each process that has ended, after all its output was printed."""
        self.stopping = False
        self._printer = printer
        self._guard = guard
        self._on_end = on_end
        self._selector = selectors.DefaultSelector()
        self._outputs: dict[Process, int] = {}
        self._running: dict[int, Process] = {}

    @property
    def running(self) -> list[Process]:
        return list(self._running.values())

    def listen_to_signals(self) -> None:
        """Let signals end the wait in ``turn``: SIGCHLD to collect, the others to set ``stopping``."""
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        self._selector.register(reader, selectors.EVENT_READ)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._stop)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.stopping = True

    def start(self, process: Process) -> None:
        """Start ``process``; raise Problem if its program cannot be run."""
        try:
            output = process.start()
        except OSError as error:
            name, program = process.program.name, process.program.command[0]
            raise Problem(f"Cannot start {name} ({program}): {error.strerror}.") from error
        self._guard.watch(process.pid)
        self._running[process.pid] = process
        self._outputs[process] = output
        self._selector.register(output, selectors.EVENT_READ, process)

    def turn(self, patience: float = _TURN) -> None:
        """Wait up to ``patience`` seconds for output or a signal; print, and collect what has ended."""
        for key, _ in self._selector.select(patience):
            if isinstance(key.data, Process):
                self._read(key.data)
            else:
                os.read(key.fd, 4096)  # it only wakes us
        self._collect()

    def _read(self, process: Process) -> bool:
        """Print what ``process`` has written; return whether there may be more."""
        try:
            data = os.read(self._outputs[process], 65536)
        except BlockingIOError:
            return False
        for line in process.read(data):
            self._printer.line(process.program.name, line)
        if not data:
            self._close(process)
        return bool(data)

    def _close(self, process: Process) -> None:
        output = self._outputs.pop(process)
        self._selector.unregister(output)
        os.close(output)

    def _collect(self) -> None:
        """Collect every process that has ended: ours, and orphans that we have adopted."""
        while True:
            try:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if ended is None:
                return
            process = self._running.pop(ended.si_pid, None)
            if process is None:
                os.waitpid(ended.si_pid, 0)
                continue
            # Until its leader is collected, nobody else can get the group's number.
            process.kill_group()
            self._guard.forget(process.pid)
            process.reap()
            while process in self._outputs and self._read(process):
                pass
            if process in self._outputs:  # a daemon of its holds the other end
                self._close(process)
            self._on_end(process)

    def end(self, processes: Iterable[Process], grace: float) -> None:
        """Ask ``processes`` to end, and kill what has not after ``grace`` seconds."""
        remaining = list(processes)
        for process in remaining:
            process.terminate()
        deadline = time.monotonic() + grace
        while any(process.running for process in remaining) and time.monotonic() < deadline:
            self.turn(0.05)
        for process in remaining:
            if process.running:
                self._printer.say(f"{process.program.name} did not end in time: killed")
                process.kill_group()
        while any(process.running for process in remaining):
            self.turn(0.05)

    def end_strays(self) -> None:
        """Kill what had left its process group, such as a daemon that a program had started."""
        for pid in descendants(os.getpid()):
            if pid != self._guard.pid:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
        self._collect()

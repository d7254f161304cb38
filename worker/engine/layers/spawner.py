"""Starting jailed children: one small program, started once for a pull, forks a child for each layer.

It is a plain program: a Celery worker's processes are daemonic, and may not use multiprocessing.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Self

from worker.engine.errors import SandboxError
from worker.engine.layers.limits import Limits
from worker.engine.layers.protocol import REQUEST_MAX, STATUS

_HOME = str(Path(__file__).resolve().parents[3])

# Isolated from the user's environment (-I), without site customisation (-S): it is told where to import from.
_PROGRAM = (
    "import sys, json; sys.path[:] = json.loads(sys.argv.pop(1));"
    "from worker.engine.layers.forkserver import main; main()"
)


class Child:
    """A jailed process, from afar: it is the server's child, not this process's. Close it when done."""

    def __init__(self, pidfd: int, status: int) -> None:
        self._pidfd = pidfd
        self._status = status

    def kill(self) -> None:
        """Kill it; that it has ended is no error."""
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def wait(self) -> int | None:
        """Wait until it has ended; return its exit status, negative for a signal's number.

        None if the server has ended with it, and nobody knows.
        """
        told = os.read(self._status, STATUS.size)
        if not told:
            # The kernel kills the child when the server ends, which takes a moment more.
            readable(self._pidfd)
            return None
        (status,) = STATUS.unpack(told)
        return int(status)

    def close(self) -> None:
        """Kill it, and wait until it is gone."""
        self.kill()
        readable(self._pidfd)
        os.close(self._pidfd)
        os.close(self._status)


class Spawner:
    """Starts children; may be used from several threads. A context manager: when it is left, all are gone.

    The server starts with the first child, or with :meth:`prepare`.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._control: socket.socket | None = None
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            if self._control is not None:
                self._control.close()
            if self._server is not None:
                self._server.kill()
                self._server.wait()

    def prepare(self) -> None:
        """Start the server without waiting for it, so that the first child finds it ready.

        Raises:
            OSError: no program can be started.
        """
        with self._lock:
            self._prepare()

    def spawn(self, tree: Path, limits: Limits, files: Sequence[int]) -> Child:
        """Start a child that extracts into ``tree``.

        Args:
            files: Its compressed layer, file index, pipe for reports, and standard error; this process keeps
                its own copies.

        Raises:
            SandboxError: the server has died.
            OSError: no program can be started.
        """
        request = json.dumps({"tree": str(tree), "limits": asdict(limits)}).encode()
        with self._lock:
            control = self._prepare()
            try:
                socket.send_fds(control, [request], files)
                answer, received, _, _ = socket.recv_fds(control, REQUEST_MAX, 2)
            except (BrokenPipeError, ConnectionResetError):
                answer = b""
            if not answer:
                raise SandboxError(
                    "The process that starts extractions died.",
                    hint="If this machine is short of memory, give it more.",
                )
        return Child(*received)

    def _prepare(self) -> socket.socket:
        if self._control is None:
            self._control, control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            paths = [_HOME, *(path for path in sys.path if Path(path).is_absolute())]
            with control:
                self._server = subprocess.Popen(
                    [sys.executable, "-I", "-S", "-c", _PROGRAM, json.dumps(paths)],
                    stdin=control.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env={},
                    process_group=0,  # a Ctrl-C in the terminal is for this process to handle
                )
        return self._control


def readable(fd: int, seconds: float | None = None) -> bool:
    """Wait for something to read, or for the end (of a pidfd: its process's), at most ``seconds``."""
    poll = select.poll()  # select(2) knows no file descriptors from 1024 on
    poll.register(fd, select.POLLIN)
    return bool(poll.poll(None if seconds is None else seconds * 1000))

"""The program that forks a jailed child for each layer: what the children need is imported once.

``spawner`` starts it. Requests come through the socket that is its standard input; it ends when the other
side does, and its children with it. A request is JSON, ``{"tree": path to fill, "limits": {...}}``, with four
open files: the compressed layer to read, the file index to write, the pipe to report on, and the child's
standard error. The answer carries two: a pidfd of the child, and a pipe that will tell its exit status.

It has one thread, and reads nothing but requests: what comes from strangers only its children see.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import socket
import sys
from typing import Any, NoReturn

from worker.engine.layers import child, jail
from worker.engine.layers.limits import Limits
from worker.engine.layers.protocol import REQUEST_MAX, STATUS

_REQUEST_FILES = 4
_FILES_MAX = 1 << 20


def main() -> None:
    """Serve until the other side of the socket is gone."""
    with contextlib.suppress(OSError):
        ctypes.CDLL("libgcc_s.so.1")  # which glibc would load when a thread ends: too late, in the jail
    control = socket.socket(fileno=0)
    waiting = select.poll()
    waiting.register(control, select.POLLIN)
    children: dict[int, tuple[int, int]] = {}  # process and status pipe, by pidfd
    while True:
        for fd, _ in waiting.poll():
            if fd != control.fileno():
                waiting.unregister(fd)
                _reap(fd, *children.pop(fd))
                continue
            request, files, _, _ = socket.recv_fds(control, REQUEST_MAX, _REQUEST_FILES)
            if not request:
                os._exit(0)
            pid, pidfd, status = _fork(control, json.loads(request), files)
            children[pidfd] = (pid, status)
            waiting.register(pidfd, select.POLLIN)


def _fork(control: socket.socket, request: dict[str, Any], files: list[int]) -> tuple[int, int, int]:
    """Start a child, and answer the request."""
    server = os.getpid()
    pid = os.fork()
    if not pid:
        try:
            jail.end_with(server)
            _become_child(request, *files)
        except BaseException:  # noqa: BLE001 (whatever it is, this process must not go on as a server)
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(1)
    for fd in files:
        os.close(fd)
    pidfd = os.pidfd_open(pid)
    told, status = os.pipe()
    socket.send_fds(control, [b"started"], [pidfd, told])
    os.close(told)
    return pid, pidfd, status


def _reap(pidfd: int, pid: int, status: int) -> None:
    _, ended = os.waitpid(pid, 0)
    os.close(pidfd)
    with contextlib.suppress(BrokenPipeError):  # nobody wants to know any more
        os.write(status, STATUS.pack(os.waitstatus_to_exitcode(ended)))
    os.close(status)


def _become_child(request: dict[str, Any], source: int, index: int, report: int, errors: int) -> NoReturn:
    """Keep open only what the child needs: not the server's socket, and nothing of other layers."""
    os.dup2(source, 0)
    os.dup2(errors, 2)
    unwanted = 3
    for kept in sorted((index, report)):
        os.closerange(unwanted, kept)
        unwanted = kept + 1
    os.closerange(unwanted, _FILES_MAX)
    child.work(request["tree"], index, report, Limits(**request["limits"]))

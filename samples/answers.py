"""How the sample registry puts an answer on the wire, and what can go wrong on that way."""

from __future__ import annotations

import fcntl
import gzip
import json
import os
import socket
import struct
import termios
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from samples.registry import SampleRegistry

_PIECE = 1 << 16


class Answers(BaseHTTPRequestHandler):
    """One connection's answers."""

    protocol_version = "HTTP/1.1"
    server_version = "StrataSample"

    @property
    def registry(self) -> SampleRegistry:
        return cast("SampleRegistry", cast("Any", self.server).registry)

    def log_message(self, format: str, *args: object) -> None:
        """Stay quiet: the registry keeps its own log."""

    def answer_json(self, status: int, value: object, headers: dict[str, str] | None = None) -> None:
        body = json.dumps(value).encode()
        self.answer(status, body, {"Content-Type": "application/json", **(headers or {})})

    def answer_error(
        self, status: int, code: str, message: str, headers: dict[str, str] | None = None
    ) -> None:
        self.answer_json(status, {"errors": [{"code": code, "message": message}]}, headers)

    def answer(self, status: int, body: bytes, headers: dict[str, str], *, blob: bool = False) -> None:
        """Send an answer; most faults of bodies are for ``blob`` alone."""
        faults = self.registry.faults
        touched = faults.where in self.path and status < 300
        if touched and faults.encoded:
            body, headers = gzip.compress(body), {**headers, "Content-Encoding": "gzip"}
        chunked, unframed = touched and faults.no_length, touched and faults.until_close
        length = len(body) + (faults.announce if touched and blob else 0)
        self.send_response(status)
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        for name, value in headers.items():
            self.send_header(name, value)
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif not unframed:
            self.send_header("Content-Length", str(length))
        if unframed or faults.one_answer:
            self.send_header("Connection", "close")  # which http.server obeys, too
        self.end_headers()
        if self.command != "HEAD":
            self._body(body, chunked=chunked, blob=blob)

    def _body(self, body: bytes, *, chunked: bool, blob: bool) -> None:
        faults = self.registry.faults
        cut = faults.take_cut(self.path) if blob else None
        stall = faults.stall if blob and faults.where in self.path else None
        end = min(len(body), *(limit for limit in (cut, stall, len(body)) if limit is not None))
        start = 0
        while start < end:
            # Asked for each piece: who watches may change the rate under a body that flows.
            bandwidth = self.registry.bandwidth if blob else None
            part = body[start : min(start + (bandwidth.piece if bandwidth else _PIECE), end)]
            if bandwidth is not None:
                bandwidth.take(len(part))
            self._write(part, chunked=chunked, blob=blob)
            start += len(part)
        if stall is not None and end < len(body):
            self._trickle(body[end:], chunked=chunked)
        if end < len(body):
            self.close_connection = True
            if faults.reset:
                self._reset()
        elif chunked:
            self.wfile.write(b"0\r\n\r\n")

    def _write(self, part: bytes, *, chunked: bool, blob: bool) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(part), part) if chunked else part)
        if blob:
            self.registry.sent(self.path, len(part))

    def _trickle(self, rest: bytes, *, chunked: bool) -> None:
        """Send no more, or a byte now and then, until the registry stops."""
        pause = self.registry.faults.trickle or None
        for at in range(len(rest)):
            if self.registry.stopping.wait(pause):
                return
            self._write(rest[at : at + 1], chunked=chunked, blob=True)

    def _reset(self) -> None:
        """Close with RST, once the other side's machine has got what was sent: else it would be lost, too."""
        connection = self.connection
        while struct.unpack("i", fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4)))[0]:
            if self.registry.stopping.wait(0.001):
                return
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # Not by the server, which would say good-bye first.
        os.close(connection.detach())

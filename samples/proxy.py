"""A small HTTP proxy on a socket: tunnels by CONNECT, and passes plain requests on."""

from __future__ import annotations

import base64
import contextlib
import socket
import ssl
import threading
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self
from urllib.parse import urlsplit

from samples.certificates import Authority

_HEAD_MAX = 64 << 10


class SampleProxy:
    """Leads anywhere, or to where ``routes`` says, within a ``with`` block.

    Attributes:
        seen: The first line of each request, without its version: ``CONNECT host:port``, ``GET http://...``.
        heads: The whole heads, as they came.
        routes: By ``host:port``: where to lead instead.
        ca_file: With TLS: the certificate that a client must trust.
    """

    def __init__(
        self,
        *,
        username: str = "",
        password: str = "",
        tls: bool = False,
        routes: Mapping[str, str] | None = None,
    ) -> None:
        self.seen: list[str] = []
        self.heads: list[bytes] = []
        self.routes = dict(routes or {})
        self.ca_file: Path | None = None
        self._wanted = base64.b64encode(f"{username}:{password}".encode()) if username else b""
        self._server = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._open: set[socket.socket] = set()
        self._cleanup = contextlib.ExitStack()
        self._context: ssl.SSLContext | None = None
        if tls:
            authority = Authority(
                Path(self._cleanup.enter_context(TemporaryDirectory())), "Strata sample proxies"
            )
            self.ca_file, self._context = authority.ca_file, authority.context()
        self.host = f"127.0.0.1:{self._server.getsockname()[1]}"
        self.url = f"{'https' if tls else 'http'}://{self.host}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for sock in (self._server, *list(self._open)):
            with contextlib.suppress(OSError):
                socket.socket.shutdown(sock, socket.SHUT_RDWR)
        self._server.close()
        self._cleanup.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._server.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            if self._context is not None:
                client = self._context.wrap_socket(client, server_side=True)
            stack.callback(client.close)
            self._open.add(client)
            stack.callback(self._open.discard, client)
            head = _read_head(client)
            self.heads.append(head)
            line = head.partition(b"\r\n")[0].decode("latin-1").rpartition(" ")[0]
            self.seen.append(line)
            if self._wanted and b"Basic " + self._wanted not in head:
                client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
                return
            method, _, target = line.partition(" ")
            netloc = target if method == "CONNECT" else _netloc(target)
            host, _, port = self.routes.get(netloc, netloc).rpartition(":")
            try:
                server = stack.enter_context(socket.create_connection((host.strip("[]"), int(port))))
            except OSError:
                client.sendall(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
                return
            self._open.add(server)
            stack.callback(self._open.discard, server)
            if method == "CONNECT":
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                server.sendall(head)
            back = threading.Thread(target=_pump, args=(server, client), daemon=True)
            back.start()
            _pump(client, server)
            back.join()


def _read_head(sock: socket.socket) -> bytes:
    head = b""
    while not head.endswith(b"\r\n\r\n") and len(head) < _HEAD_MAX:
        data = sock.recv(1)
        if not data:
            break
        head += data
    return head


def _netloc(url: str) -> str:
    parts = urlsplit(url)
    return parts.netloc if parts.port else f"{parts.netloc}:80"


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)

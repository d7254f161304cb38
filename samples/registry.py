"""A small registry on a socket, in this process: reads only, and misbehaves on request."""

from __future__ import annotations

import contextlib
import secrets
import socket
import ssl
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple, Self, cast

from samples.builders import Content
from samples.certificates import Authority
from samples.faults import Faults
from samples.handler import Handler
from samples.pulls import PullLimit
from samples.referrers import ReferrerHabits
from samples.slow import Bandwidth
from samples.tags import TagHabits
from worker.engine.oci import Digest


class LoggedRequest(NamedTuple):
    """A request that arrived; header names in lower case."""

    method: str
    path: str
    headers: dict[str, str]


@dataclass(frozen=True)
class Auth:
    """What the registry wants to see.

    Attributes:
        kind: ``basic`` or ``bearer``.
        username, password: The only user; empty means that anonymous tokens are given out.
        lifetime: Of a token: how many requests it opens; None means any number.
        realm: Address of another token server; empty means the registry's own.
        identity_token: What opens the token server by OAuth2; empty if it does not speak that.
        challenge: Send this as WWW-Authenticate, with the token server's address in place of ``REALM``.
        answer: Changes to the token server's answer; None removes a field.
    """

    kind: str = "bearer"
    username: str = ""
    password: str = ""
    lifetime: int | None = None
    realm: str = ""
    identity_token: str = ""
    challenge: str = ""
    answer: Mapping[str, object] = field(default_factory=dict, hash=False)


class SampleRegistry:
    """Serves what was pushed, on 127.0.0.1, within a ``with`` block.

    Attributes:
        faults: What goes wrong; change it at any time.
        tags: How it lists tags; change it at any time.
        referrers: How it lists what refers to a manifest; change it at any time.
        requests: All that arrived, in order.
        served: Bytes of blobs that were put on the wire, by path.
        connections: How many were made.
        auth: What it wants to see; change it at any time.
        pulls: How many pulls it grants; None means any number.
        bandwidth: Shared by all bodies; None means as fast as it goes.
        ca_file: With TLS: the certificate that a client must trust.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        address: str = "127.0.0.1",
        auth: Auth | None = None,
        tls: bool = False,
        rate: float | None = None,
    ) -> None:
        self.faults = Faults()
        self.tags = TagHabits()
        self.referrers = ReferrerHabits()
        self.auth = auth
        self.requests: list[LoggedRequest] = []
        self.served: Counter[str] = Counter()
        self.connections = 0
        self.pulls: PullLimit | None = None
        self.bandwidth = Bandwidth(rate) if rate else None
        self.blobs: dict[Digest, bytes] = {}
        self.manifests: dict[str, dict[str, Content]] = {}
        self.tokens: dict[str, int | None] = {}
        self.stopping = threading.Event()
        self._counting = threading.Lock()
        self.scheme = "https" if tls else "http"
        self._directory = contextlib.ExitStack()
        self.ca_file: Path | None = None
        self._server = _Server((address, port), self)
        if tls:
            folder = self._directory.enter_context(tempfile.TemporaryDirectory(prefix="strata-sample-"))
            authority = Authority(Path(folder))
            self.ca_file = authority.ca_file
            # The handshake belongs to the connection's own thread, not to the one that accepts.
            self._server.socket = authority.context().wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def host(self) -> str:
        """``127.0.0.1:port`` (or where else it listens), as references name it."""
        address, port, *_ = self._server.server_address
        own = "127.0.0.1" if address in ("0.0.0.0", "") else str(address)
        return f"[{own}]:{port}" if ":" in own else f"{own}:{port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}"

    def demand_client_certificates(self, ca_file: Path) -> None:
        """With TLS: talk only to who shows a certificate of the authority in ``ca_file``."""
        context = cast("ssl.SSLSocket", self._server.socket).context
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(ca_file)

    def push(self, repository: str, tag: str, content: Content) -> str:
        """Keep an image, index or artifact; return the reference under which to pull it."""
        stored = self.manifests.setdefault(repository, {})
        stored[tag] = stored[str(content.digest)] = content
        self._keep(repository, content)
        return f"{self.host}/{repository}:{tag}"

    def paths(self, method: str = "GET") -> list[str]:
        """The paths that were asked for."""
        return [request.path for request in self.requests if request.method == method]

    def record(self, method: str, path: str, headers: dict[str, str]) -> None:
        """Log a request."""
        self.requests.append(LoggedRequest(method, path, headers))

    def sent(self, path: str, size: int) -> None:
        """Count bytes of a blob."""
        with self._counting:
            self.served[path] += size

    def spend(self, token: str) -> bool:
        """Use a token once; False if it was not handed out, or is used up."""
        if token not in self.tokens:
            return False
        left = self.tokens[token]
        if left is None:
            return True
        self.tokens[token] = left - 1
        return left > 0

    def new_token(self) -> str:
        """Hand a token out."""
        token = secrets.token_hex(8)
        self.tokens[token] = self.auth.lifetime if self.auth else None
        return token

    def start(self) -> Self:
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop, and close every connection, those in the middle of an answer too."""
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._server.drop_connections()
        self._thread.join()
        self._directory.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _keep(self, repository: str, content: Content) -> None:
        self.blobs.update((Digest.of(blob), blob) for blob in content.blobs)
        for member in content.manifests:
            self.manifests[repository][str(member.digest)] = member
            self._keep(repository, member)


class _Server(ThreadingHTTPServer):
    """Remembers its connections, so that it can end while some of them are stalled."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], registry: SampleRegistry) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, Handler)
        self.registry = registry
        self._connections: set[socket.socket] = set()

    def process_request(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: object
    ) -> None:
        if isinstance(request, socket.socket):
            self._connections.add(request)
        self.registry.connections += 1
        super().process_request(request, client_address)

    def shutdown(self) -> None:
        """Wake the thread that accepts, which else would see only at its next look that it shall end."""
        with contextlib.suppress(OSError):
            socket.socket.shutdown(self.socket, socket.SHUT_RDWR)
        super().shutdown()

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        if isinstance(request, socket.socket):
            self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """Report mistakes of the handler; a client that goes away in the middle of an answer is none."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(cast("Any", request), client_address)

    def drop_connections(self) -> None:
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)

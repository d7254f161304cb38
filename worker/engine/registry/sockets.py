"""Connections that can be interrupted from another thread: while looking a name up, dialling, shaking hands.

Once an answer is being read, its own reader takes care of that (see ``response.py``).
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import time
import weakref
from collections.abc import Iterator
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.response import HTTPResponse

from worker.engine.cancel import CancelToken
from worker.engine.errors import RegistryError, RegistryMisbehaved, RegistryTimeout, UnknownHost
from worker.engine.registry.addresses import Guard, NamedBy
from worker.engine.registry.deadlines import Deadlines
from worker.engine.registry.failures import translate, translated

Address = tuple[socket.AddressFamily, Any]


def look_up(host: str, port: int, timeout: float, cancel: CancelToken) -> list[Address]:
    """Find the addresses of a host, as the system orders them.

    The system's own look-up can take a minute and cannot be interrupted; so it runs in a thread that may be
    left behind.

    Raises:
        UnknownHost, RegistryTimeout, Cancelled.
    """
    done = threading.Event()
    outcome: list[list[Address] | OSError | UnicodeError] = []

    def ask() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            outcome.append([(family, address) for family, _, _, _, address in found])
        except (OSError, UnicodeError) as error:
            outcome.append(error)
        finally:
            done.set()

    threading.Thread(target=ask, name=f"look up {host}", daemon=True).start()
    with cancel.on_cancel(done.set):
        done.wait(timeout)
    cancel.check()
    if not outcome:
        raise RegistryTimeout(f"Looking up the name {host} took longer than {timeout:.0f} seconds.")
    addresses = outcome[0]
    if isinstance(addresses, UnicodeError):
        raise UnknownHost(f"{host!r} cannot be the name of a host.") from addresses
    if isinstance(addresses, OSError):
        raise translate(addresses, host) from addresses
    return addresses


class Dialler:
    """Makes the connections of one client, and interrupts all of them when it is cancelled.

    Attributes:
        guard: Says where a connection may lead.
        deadlines: End what a socket's own time limit does not.
    """

    def __init__(self, cancel: CancelToken) -> None:
        self.cancel = cancel
        self.guard = Guard()
        self.deadlines = Deadlines()
        self._lock = threading.Lock()
        self._dialling: set[socket.socket] = set()
        self._connections: weakref.WeakSet[HTTPConnection] = weakref.WeakSet()

    def watch(self, connection: HTTPConnection) -> None:
        """Interrupt this connection too, for as long as it exists."""
        with self._lock:
            self._connections.add(connection)

    def interrupt(self) -> None:
        """Shut everything down; what blocks on it wakes up, and finds that it was cancelled."""
        with self._lock:
            sockets: list[Any] = [*self._dialling, *(connection.sock for connection in self._connections)]
        for sock in sockets:
            _shut(sock)

    def dial(
        self,
        host: str,
        port: int,
        timeout: float,
        *,
        name: str = "",
        named_by: NamedBy = NamedBy.PERSON,
        home: bool = False,
    ) -> socket.socket:
        """Connect to the first address of a host that answers; the addresses share ``timeout`` (seconds).

        Args:
            name: What messages call the host.
            named_by: Who named it: to some addresses it may not lead then.
            home: It is the registry itself.

        Raises:
            UnknownHost, ConnectionRefused, RegistryTimeout, Cancelled.
            RegistryMisbehaved: it leads to where it may not.
        """
        shown = name or host
        addresses = look_up(host.strip("[]"), port, timeout, self.cancel)
        if home:
            for _, address in addresses:
                self.guard.settle(address[0])
        # By what the name means now, and not earlier: it may mean something else each time.
        allowed = [found for found in addresses if self.guard.allows(found[1][0], named_by)]
        if addresses and not allowed:
            raise led_inside(shown, named_by)
        addresses = allowed
        deadline = time.monotonic() + timeout
        failure: RegistryError = UnknownHost(f"The host {shown} has no address.")
        for position, (family, address) in enumerate(addresses):
            share = max(0.1, deadline - time.monotonic()) / (len(addresses) - position)
            try:
                return self._connect(family, address, share, shown)
            except RegistryError as error:
                failure = error
        raise failure

    def _connect(
        self, family: socket.AddressFamily, address: Any, timeout: float, shown: str
    ) -> socket.socket:
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            with self.dialling(sock), translated(shown, "", self.cancel):
                sock.settimeout(timeout)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.connect(address)
            self.cancel.check()
        except BaseException:
            sock.close()
            raise
        return sock

    @contextlib.contextmanager
    def dialling(self, sock: socket.socket) -> Iterator[None]:
        """Interrupt this socket too, within the block.

        A duplicate is kept, because TLS takes the socket out of its object during the handshake.
        """
        with sock.dup() as double:
            with self._lock:
                self._dialling.add(double)
            try:
                self.cancel.check()  # after adding: whoever cancels now, finds it
                yield
            finally:
                with self._lock:
                    self._dialling.discard(double)


class _Dialled(HTTPConnection):
    """An HTTP connection that a Dialler makes and can interrupt."""

    def __init__(
        self,
        *args: Any,
        dialler: Dialler,
        named_by: NamedBy = NamedBy.PERSON,
        home: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._dialler = dialler
        self._named_by, self._home = named_by, home
        self._handshake = contextlib.ExitStack()
        dialler.watch(self)

    def _new_conn(self) -> socket.socket:
        timeout = self.timeout if isinstance(self.timeout, int | float) else 10.0
        shown = self.host if self.port == self.default_port else f"{self.host}:{self.port}"
        sock = self._dialler.dial(
            self._dns_host,
            self.port or self.default_port,
            timeout,
            name=shown,
            named_by=self._named_by,
            home=self._home,
        )
        # The share of one of several addresses may have been shorter.
        sock.settimeout(timeout)
        self._handshake.enter_context(self._dialler.dialling(sock))
        return sock

    def connect(self) -> None:
        with self._handshake:
            super().connect()
        self._dialler.cancel.check()

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as in urllib3
        sock, limit = self.sock, self.timeout
        if not isinstance(limit, int | float):
            return super().getresponse()
        too_long = TimeoutError("the head of the answer took too long")
        with self._dialler.deadlines.within(limit, lambda: _shut(sock)) as deadline:
            try:
                response = super().getresponse()
            except (http.client.HTTPException, OSError, ValueError) as error:
                if deadline.passed:
                    raise too_long from error
                raise
        if deadline.passed:  # to http.client a head that was cut short is a whole one
            response.close()
            raise too_long
        return response


class _DialledTls(_Dialled, HTTPSConnection):
    """The same with TLS."""


def led_inside(shown: str, named_by: NamedBy) -> RegistryMisbehaved:
    """Say that ``named_by`` named a host to which it may not lead."""
    return RegistryMisbehaved(
        f"{named_by.value.capitalize()} leads to {shown}, which stands where only this machine can look;"
        " nothing was sent there.",
        hint="If that is meant, name the registry by an address in the same network (see docs/security.md).",
    )


def _shut(sock: Any) -> None:
    # TLS to a registry within TLS to a proxy is not a socket, but has one.
    inner = getattr(sock, "socket", sock)
    if isinstance(inner, socket.socket):
        with contextlib.suppress(OSError, ValueError):
            # Not SSLSocket.shutdown: that would pull the TLS state away under the reader.
            socket.socket.shutdown(inner, socket.SHUT_RDWR)


class PlainPool(HTTPConnectionPool):
    ConnectionCls = _Dialled


class TlsPool(HTTPSConnectionPool):
    ConnectionCls = _DialledTls

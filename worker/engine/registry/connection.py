"""Testing a connection step by step, so that a person sees how far it goes and what to do."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from urllib3.util.ssltransport import SSLTransport

from worker.engine.cancel import CancelToken
from worker.engine.errors import (
    ConnectionRefused,
    ProxyFailed,
    RegistryError,
    RegistryTimeout,
    Unauthorized,
    UnknownHost,
)
from worker.engine.registry.answers import expect, expect_api
from worker.engine.registry.challenge import parse_challenges
from worker.engine.registry.endpoint import Endpoint
from worker.engine.registry.failures import translated
from worker.engine.registry.proxy import Way, tunnel
from worker.engine.registry.session import Session
from worker.engine.registry.sockets import look_up

_SECOND_THOUGHTS = 0.25  # seconds, and two round trips: see _Test._refused_late


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the test: ``detail`` says what was found, or what went wrong."""

    name: str
    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class ConnectionReport:
    """How far the test came.

    Attributes:
        steps: Those that were tried, in order; only the last one can have failed.
        ok: Whether all of them succeeded.
        error: Why the last one failed; None if all succeeded.
        skipped: The names of the steps that were not reached.
        host: Who was tested.
        mirrors: The same for each mirror, in order.
    """

    steps: tuple[Step, ...]
    ok: bool
    error: RegistryError | None
    skipped: tuple[str, ...] = ()
    host: str = ""
    mirrors: tuple[ConnectionReport, ...] = ()


def test_connection(endpoint: Endpoint, cancel: CancelToken | None = None) -> ConnectionReport:  # noqa: PT028
    """Try a registry and its mirrors step by step; failures are reported, not raised, nothing is tried twice.

    Raises:
        Cancelled.
    """
    token = cancel or CancelToken()
    with ThreadPoolExecutor(1 + len(endpoint.mirrors), thread_name_prefix="connection test") as pool:
        # Each may have to wait for time limits: all at the same time.
        mirrors = [pool.submit(_test, mirror, token, ()) for mirror in endpoint.mirrors]
        own = pool.submit(_test, endpoint, token, mirrors)
        return own.result()


def _test(endpoint: Endpoint, cancel: CancelToken, mirrors: Any) -> ConnectionReport:
    steps: list[Step] = []
    error: RegistryError | None = None
    skipped: tuple[str, ...] = ()
    with contextlib.closing(Session(endpoint, cancel)) as session:
        try:
            planned = _Test(session).steps()
        except RegistryError as unusable:
            # There is no way to anything, not even to a first step.
            steps.append(Step("Proxy", False, unusable.message))
            error, planned = unusable, []
        for position, (name, run) in enumerate(planned):
            try:
                steps.append(Step(name, True, run()))
            except RegistryError as failed:
                steps.append(Step(name, False, failed.message))
                error = failed
                skipped = tuple(name for name, _ in planned[position + 1 :])
                break
    host = f"{endpoint.host}/{endpoint.prefix}" if endpoint.prefix else endpoint.host
    reports = tuple(mirror.result() for mirror in mirrors)
    return ConnectionReport(tuple(steps), error is None, error, skipped, host, reports)


class _Test:
    """The steps, on one session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._endpoint = session.endpoint
        self._cancel = session.transport.cancel
        self._url = urlsplit(f"https://{session.endpoint.api_host}")
        self._way: Way | None = session.transport.way_to(self._url)
        self._seconds_away = 0.0
        self._anonymous_ok = True

    def steps(self) -> list[tuple[str, Callable[[], str]]]:
        """Through a proxy only the proxy's own name and port can be tried separately."""
        reach = ("TCP", self._tcp) if self._way is None else ("Proxy", self._proxy)
        return [
            ("DNS", self._dns),
            reach,
            ("TLS", self._tls),
            ("API", self._api),
            ("Authentication", self._auth),
        ]

    @property
    def _target(self) -> tuple[str, int]:
        if self._way is not None:
            return self._way.host, self._way.port
        return self._url.hostname or "", self._url.port or (443 if self._session.scheme() == "https" else 80)

    def _dns(self) -> str:
        host = self._way.host if self._way is not None else self._url.hostname or ""
        with self._blaming_the_proxy():
            found = look_up(host, 0, self._endpoint.connect_timeout, self._cancel)
        addresses = dict.fromkeys(str(address[0]) for _, address in found)
        if host in addresses:
            return f"{host} is an address: there is no name to look up."
        return f"{host} is {', '.join(addresses)}."

    @contextlib.contextmanager
    def _blaming_the_proxy(self) -> Iterator[None]:
        """Where a proxy stands between, what cannot be reached is the proxy, and not the registry."""
        try:
            yield
        except (UnknownHost, ConnectionRefused, RegistryTimeout) as error:
            if self._way is None:
                raise
            raise ProxyFailed(error.message) from error

    def _dial(self) -> socket.socket:
        host, port = self._target
        timeout = self._endpoint.connect_timeout
        started = time.monotonic()
        with self._blaming_the_proxy():
            sock = self._session.transport.dialler.dial(host, port, timeout, name=f"{host}:{port}")
        self._seconds_away = time.monotonic() - started
        return sock

    def _tcp(self) -> str:
        # Closed at once: a server that serves one connection at a time must be free for the next step.
        self._dial().close()
        return f"Port {self._target[1]} answers, in {self._seconds_away * 1000:.0f} ms."

    def _proxy(self) -> str:
        assert self._way is not None  # noqa: S101 (else this is no step)
        if self._endpoint.insecure and self._session.scheme() == "http":
            return f"{self._way.netloc} passes requests on."
        with contextlib.closing(self._connect()):
            return f"{self._way.netloc} leads to {self._url.netloc}."

    def _connect(self) -> socket.socket:
        """Connect to the registry, if need be through the proxy."""
        sock = self._dial()
        if self._way is None:
            return sock
        transport = self._session.transport
        target = f"{self._url.netloc}{'' if self._url.port else ':443'}"
        try:
            with transport.dialler.dialling(sock), translated(self._way.netloc, "", self._cancel):
                return tunnel(sock, self._way, target, transport.tls_context(self._way.host))
        except BaseException:
            sock.close()
            raise

    def _tls(self) -> str:
        if self._session.scheme() == "http":
            return "There is no TLS: everything, passwords too, is sent in the clear."
        host = self._url.hostname or ""
        transport = self._session.transport
        context = transport.tls_context(host)
        with contextlib.closing(self._connect()) as stream, translated(self._url.netloc, "", self._cancel):
            if isinstance(stream, ssl.SSLSocket):
                wrapped: Any = SSLTransport(
                    stream, context, host
                )  # TLS to a proxy, and in it TLS to the registry
            else:
                with transport.dialler.dialling(stream):
                    wrapped = context.wrap_socket(stream, server_hostname=host)
            with wrapped:
                version, certificate = wrapped.version(), wrapped.getpeercert() or {}
                self._refused_late(wrapped)
        shown = " It was shown the client certificate." if self._endpoint.client_certificate else ""
        if self._endpoint.insecure:
            return f"{version}; whose certificate it is was not checked.{shown}"
        return f"{version}; the certificate {_describe(certificate)}.{shown}"

    def _refused_late(self, wrapped: Any) -> None:
        """Raise if the server minds our certificate: by TLS 1.3 it says so after the handshake."""
        if self._endpoint.client_certificate is None and wrapped.version() != "TLSv1.3":
            return
        wrapped.settimeout(_SECOND_THOUGHTS + 2 * self._seconds_away)
        with contextlib.suppress(TimeoutError):
            wrapped.recv(1)

    def _api(self) -> str:
        with self._session.ask_anonymously() as response:
            if response.status == 401 and parse_challenges(response.header_values("WWW-Authenticate")):
                self._anonymous_ok = False
                return "It answers as a registry, and wants to know who asks."
            expect_api(response)
        return "It answers as a registry."

    def _auth(self) -> str:
        if self._anonymous_ok:
            return "It answers anybody."
        try:
            with self._session.request("GET", "") as response:
                expect(response, 200)
        except Unauthorized:
            # Token servers may refuse an anonymous log-in and still hand out tokens for public repositories.
            if self._session.auth.known_user or not self._session.auth.uses_tokens:
                raise
            return "No credentials are stored: at most public repositories can be pulled."
        if self._session.auth.known_user:
            return "The credentials are accepted."
        return "No credentials are stored: public repositories can be pulled."


def _describe(certificate: Any) -> str:
    issuer = {name: value for part in certificate.get("issuer", ()) for name, value in part}
    by = issuer.get("organizationName") or issuer.get("commonName") or "an unnamed authority"
    return f"was issued by {by} and is valid until {certificate.get('notAfter', 'an unknown time')}"

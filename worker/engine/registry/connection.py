"""Testing a connection step by step, so that a person sees how far it goes and what to do."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from worker.engine.cancel import CancelToken
from worker.engine.errors import RegistryError, Unauthorized
from worker.engine.registry.answers import expect, expect_api
from worker.engine.registry.challenge import parse_challenges
from worker.engine.registry.endpoint import Endpoint
from worker.engine.registry.failures import translated, unusable_proxy
from worker.engine.registry.session import Session
from worker.engine.registry.sockets import look_up
from worker.engine.registry.transport import proxy_for


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
    """

    steps: tuple[Step, ...]
    ok: bool
    error: RegistryError | None


def test_connection(endpoint: Endpoint, cancel: CancelToken | None = None) -> ConnectionReport:  # noqa: PT028
    """Try a registry step by step; its failures are reported, not raised, and nothing is tried twice.

    Raises:
        Cancelled.
    """
    session = Session(endpoint, cancel or CancelToken())
    with contextlib.closing(session):
        steps: list[Step] = []
        for name, run in _Test(session).steps():
            try:
                steps.append(Step(name, True, run()))
            except RegistryError as error:
                steps.append(Step(name, False, error.message))
                return ConnectionReport(tuple(steps), False, error)
        return ConnectionReport(tuple(steps), True, None)


class _Test:
    """The steps, on one session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._endpoint = session.endpoint
        self._cancel = session.transport.cancel
        self._url = urlsplit(f"https://{session.endpoint.api_host}")
        self._proxy = proxy_for("https", self._url.hostname or "")
        self._anonymous_ok = True

    def steps(self) -> list[tuple[str, Callable[[], str]]]:
        """Through a proxy only the proxy's own name and port can be tried separately."""
        direct = [("TCP", self._tcp), ("TLS", self._tls)] if self._proxy is None else [("Proxy", self._tcp)]
        return [("DNS", self._dns), *direct, ("API", self._api), ("Authentication", self._auth)]

    def _target(self) -> tuple[str, int]:
        if self._proxy is not None:
            try:
                proxy = urlsplit(self._proxy)
                return proxy.hostname or "", proxy.port or (443 if proxy.scheme == "https" else 80)
            except ValueError as error:
                raise unusable_proxy(self._endpoint.host, "its address makes no sense") from error
        default = 443 if self._session.scheme() == "https" else 80
        return self._url.hostname or "", self._url.port or default

    def _dns(self) -> str:
        host = (self._target()[0] if self._proxy else self._url.hostname) or ""
        found = look_up(host, 0, self._endpoint.connect_timeout, self._cancel)
        addresses = dict.fromkeys(str(address[0]) for _, address in found)
        return f"{host} is {', '.join(addresses)}."

    def _dial(self) -> socket.socket:
        host, port = self._target()
        timeout = self._endpoint.connect_timeout
        return self._session.transport.dialler.dial(host, port, timeout, name=f"{host}:{port}")

    def _tcp(self) -> str:
        # Closed at once: a server that serves one connection at a time must be free for the next step.
        started = time.monotonic()
        self._dial().close()
        return f"Port {self._target()[1]} answers, in {(time.monotonic() - started) * 1000:.0f} ms."

    def _tls(self) -> str:
        if self._session.scheme() == "http":
            return "There is no TLS: everything, passwords too, is sent in the clear."
        host = self._url.hostname or ""
        transport = self._session.transport
        with self._dial() as sock, transport.dialler.dialling(sock):
            with translated(self._url.netloc, "", self._cancel):
                wrapped = transport.tls_context(host).wrap_socket(sock, server_hostname=host)
            with wrapped:
                version, certificate = wrapped.version(), wrapped.getpeercert() or {}
        if self._endpoint.insecure:
            return f"{version}; whose certificate it is was not checked."
        return f"{version}; the certificate {_describe(certificate)}."

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

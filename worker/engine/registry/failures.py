"""The one place where other people's exceptions become ours.

``urllib3`` wraps what ``http.client``, ``ssl`` and the operating system raise, and sometimes wraps it again;
so the whole chain of causes is looked at, and the most telling link decides.
"""

from __future__ import annotations

import contextlib
import errno
import http.client
import re
import socket
import ssl
from collections.abc import Callable, Iterator

from urllib3 import exceptions as urllib3_errors

from worker.engine.cancel import CancelToken
from worker.engine.errors import (
    CertificateRejected,
    ClientCertificateRejected,
    ConnectionLost,
    ConnectionRefused,
    PlainHttpRegistry,
    ProxyRefused,
    RegistryError,
    RegistryMisbehaved,
    RegistryTimeout,
    TlsRegistry,
    UnknownHost,
)
from worker.engine.registry.proxy import refusal, unusable_proxy

# What a socket, TLS, HTTP or urllib3 itself can raise.
FOREIGN = (urllib3_errors.HTTPError, http.client.HTTPException, OSError)

# What OpenSSL makes of bytes that are no TLS record. The names differ by version.
_NOT_TLS = {
    "WRONG_VERSION_NUMBER",
    "HTTP_REQUEST",
    "HTTPS_PROXY_REQUEST",
    "UNKNOWN_PROTOCOL",
    "RECORD_LAYER_FAILURE",
    "PACKET_LENGTH_TOO_LONG",
    "UNEXPECTED_MESSAGE",
}
# Alerts by which a server says what it thinks of our certificate (RFC 8446, section 6.2).
_NOT_OUR_CERTIFICATE = (
    "ALERT_CERTIFICATE_REQUIRED",
    "ALERT_BAD_CERTIFICATE",
    "ALERT_UNSUPPORTED_CERTIFICATE",
    "ALERT_CERTIFICATE_REVOKED",
    "ALERT_CERTIFICATE_EXPIRED",
    "ALERT_CERTIFICATE_UNKNOWN",
    "ALERT_DECRYPT_ERROR",  # its signature, or its authority's, is wrong
    "ALERT_UNKNOWN_CA",
    "ALERT_ACCESS_DENIED",
)
_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})\b")
_TLS_RECORDS = ("\x15\x03", "\x16\x03")  # alert and handshake: what a TLS server answers to plain HTTP
_UNREACHABLE = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EACCES, errno.EPERM}


@contextlib.contextmanager
def translated(host: str, subject: str, cancel: CancelToken) -> Iterator[None]:
    """Raise our exceptions instead of foreign ones.

    Cancelling shuts sockets down under their readers, who then see any odd error: it means Cancelled.
    """
    try:
        yield
    except FOREIGN as error:
        cancel.check()
        raise translate(error, host, subject) from error
    except ValueError:
        cancel.check()  # "read on closed or unwrapped SSL socket"
        raise


def translate(error: BaseException, host: str, subject: str = "") -> RegistryError:
    """Say what ``error`` means to who wanted ``subject`` (a repository or empty) from ``host``."""
    chain = list(_causes(error))
    when = f" when asked for {subject}" if subject else ""
    for rule in _RULES:
        for link in chain:
            found = rule(link, host, when)
            if found is not None:
                return found
    return RegistryMisbehaved(f"{host} gave an answer that cannot be understood{when}: {_plain(error)}.")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and everything that it wraps, outermost first, each once."""
    queue, seen = [error], set[int]()
    while queue:
        link = queue.pop(0)
        if id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        inner = (link.__cause__, getattr(link, "reason", None), getattr(link, "original_error", None))
        queue += [cause for cause in (*inner, *link.args) if isinstance(cause, BaseException)]


def _name(error: BaseException, host: str, when: str) -> RegistryError | None:
    if isinstance(error, socket.gaierror | urllib3_errors.NameResolutionError):
        return UnknownHost(f"The host {host} is unknown: its name cannot be looked up.")
    return None


def _proxy(error: BaseException, host: str, when: str) -> RegistryError | None:
    if isinstance(error, urllib3_errors.ProxyError | urllib3_errors.ProxySchemeUnknown):
        status = _TUNNEL.search(str(error))  # http.client tells it by its text alone
        if status:
            return refusal(host, int(status[1]))
        links = list(_causes(error))
        untrusted = next((link for link in links if isinstance(link, ssl.SSLCertVerificationError)), None)
        if untrusted is not None:
            return ProxyRefused(f"The certificate of the HTTP proxy is not trusted: {_untrusted(untrusted)}.")
        return unusable_proxy(host, _plain(links[-1]))
    return None


def _certificate(error: BaseException, host: str, when: str) -> RegistryError | None:
    if isinstance(error, ssl.SSLCertVerificationError):
        return CertificateRejected(f"The certificate of {host} is not trusted: {_untrusted(error)}.")
    return None


def _tls(error: BaseException, host: str, when: str) -> RegistryError | None:
    if isinstance(error, http.client.BadStatusLine) and str(error).strip("'\"").startswith(_TLS_RECORDS):
        return TlsRegistry(f"{host} speaks TLS, not plain HTTP.")
    if not isinstance(error, ssl.SSLError):
        return None
    reason = getattr(error, "reason", None) or ""  # only OpenSSL's own errors have one
    if reason.endswith(_NOT_OUR_CERTIFICATE):
        words = reason.partition("ALERT_")[2].replace("_", " ").lower()
        return ClientCertificateRejected(
            f"{host} does not accept the client certificate, or its lack: {words}."
        )
    if reason in _NOT_TLS:
        return PlainHttpRegistry(f"{host} speaks plain HTTP, not TLS.")
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError) or "EOF" in reason:
        return ConnectionLost(f"{host} closed the TLS connection{when}.")
    if reason:
        return RegistryMisbehaved(f"TLS with {host} failed: {reason.replace('_', ' ').lower()}.")
    return None


def _time(error: BaseException, host: str, when: str) -> RegistryError | None:
    refused = isinstance(
        error, urllib3_errors.NewConnectionError
    )  # a ConnectTimeoutError only by inheritance
    if isinstance(error, urllib3_errors.TimeoutError | TimeoutError) and not refused:
        return RegistryTimeout(f"{host} did not answer in time{when}.")
    return None


def _connection(error: BaseException, host: str, when: str) -> RegistryError | None:
    if isinstance(error, ConnectionRefusedError):
        return ConnectionRefused(f"{host} refused the connection{when}.")
    if isinstance(error, OSError) and error.errno in _UNREACHABLE:
        return ConnectionRefused(f"{host} cannot be reached{when}: {_plain(error)}.")
    broken = ConnectionError | http.client.IncompleteRead
    if isinstance(error, broken) and not isinstance(error, urllib3_errors.InvalidChunkLength):
        return ConnectionLost(f"{host} closed the connection{when} before the answer was complete.")
    return None


def _protocol(error: BaseException, host: str, when: str) -> RegistryError | None:
    if isinstance(error, http.client.HTTPException):
        return RegistryMisbehaved(f"{host} does not speak proper HTTP{when}: {_plain(error)}.")
    return None


def _wrapper(error: BaseException, host: str, when: str) -> RegistryError | None:
    """What says no more than its class, once nothing more telling was inside."""
    if isinstance(error, urllib3_errors.NewConnectionError):
        return ConnectionRefused(f"{host} cannot be reached{when}.")
    odd = urllib3_errors.ResponseNotChunked | urllib3_errors.InvalidChunkLength
    lost = urllib3_errors.ProtocolError | urllib3_errors.PoolError | OSError
    if isinstance(error, lost) and not isinstance(error, odd):
        return ConnectionLost(f"The connection to {host} was lost{when}.")
    return None


_Rule = Callable[[BaseException, str, str], RegistryError | None]
_RULES: tuple[_Rule, ...] = (_name, _proxy, _certificate, _tls, _time, _connection, _protocol, _wrapper)


def _untrusted(error: ssl.SSLCertVerificationError) -> str:
    return getattr(error, "verify_message", "") or _plain(error)


def _plain(error: BaseException) -> str:
    """An error's own words, short and on one line."""
    words = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(words).split())[:200].rstrip(".")

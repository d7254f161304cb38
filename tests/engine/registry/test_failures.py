"""Every exception of the network becomes one of ours, and the right one."""

from __future__ import annotations

import errno
import http.client
import inspect
import socket
import ssl

import pytest
from urllib3 import exceptions as u3
from urllib3 import response as u3_response

from worker.engine.cancel import CancelToken
from worker.engine.errors import (
    Cancelled,
    CertificateRejected,
    ConnectionLost,
    ConnectionRefused,
    PlainHttpRegistry,
    ProxyFailed,
    ProxyRefused,
    RegistryError,
    RegistryMisbehaved,
    RegistryTimeout,
    TlsRegistry,
    UnknownHost,
)
from worker.engine.registry.failures import FOREIGN, translate, translated

POOL = None  # what urllib3's exceptions call "pool" or "connection" only matters for their text


def tls(reason: str, kind: type[ssl.SSLError] = ssl.SSLError) -> ssl.SSLError:
    error = kind(1, f"[SSL: {reason}] words (_ssl.c:1000)")
    error.reason = reason
    return error


ANSWER = u3_response.HTTPResponse(b"")


CASES: list[tuple[BaseException, type[RegistryError]]] = [
    # urllib3, each of its exceptions once
    (u3.HTTPError("?"), RegistryMisbehaved),
    (u3.PoolError(POOL, "?"), ConnectionLost),
    (u3.RequestError(POOL, "/", "?"), ConnectionLost),
    (u3.SSLError(tls("INTERNAL_ERROR")), RegistryMisbehaved),
    (u3.ProxyError("no", OSError("Tunnel connection failed: 407")), ProxyRefused),
    (u3.DecodeError("?"), RegistryMisbehaved),
    (u3.ProtocolError("aborted"), ConnectionLost),
    (u3.MaxRetryError(POOL, "/", u3.ReadTimeoutError(POOL, "/", "?")), RegistryTimeout),
    (u3.HostChangedError(POOL, "/"), ConnectionLost),
    (u3.TimeoutStateError("?"), RegistryMisbehaved),
    (u3.TimeoutError("?"), RegistryTimeout),
    (u3.ReadTimeoutError(POOL, "/", "?"), RegistryTimeout),
    (u3.ConnectTimeoutError("?"), RegistryTimeout),
    (u3.NewConnectionError(POOL, "?"), ConnectionRefused),
    (u3.NameResolutionError("host", POOL, socket.gaierror(-2, "?")), UnknownHost),
    (u3.EmptyPoolError(POOL, "?"), ConnectionLost),
    (u3.FullPoolError(POOL, "?"), ConnectionLost),
    (u3.ClosedPoolError(POOL, "?"), ConnectionLost),
    (u3.LocationValueError("?"), RegistryMisbehaved),
    (u3.LocationParseError("?"), RegistryMisbehaved),
    (u3.URLSchemeUnknown("?"), RegistryMisbehaved),
    (u3.ProxySchemeUnknown("socks9"), ProxyFailed),
    (u3.ResponseError("?"), RegistryMisbehaved),
    (u3.ResponseNotChunked("?"), RegistryMisbehaved),
    (u3.BodyNotHttplibCompatible("?"), RegistryMisbehaved),
    (u3.IncompleteRead(10, 20), ConnectionLost),
    (u3.InvalidChunkLength(ANSWER, b"zz"), RegistryMisbehaved),
    (u3.InvalidHeader("?"), RegistryMisbehaved),
    (u3.HeaderParsingError([], None), RegistryMisbehaved),
    (u3.UnrewindableBodyError("?"), RegistryMisbehaved),
    # http.client, each of its exceptions once
    (http.client.HTTPException("?"), RegistryMisbehaved),
    (http.client.NotConnected("?"), RegistryMisbehaved),
    (http.client.InvalidURL("?"), RegistryMisbehaved),
    (http.client.UnknownProtocol("HTTP/9"), RegistryMisbehaved),
    (http.client.UnknownTransferEncoding("?"), RegistryMisbehaved),
    (http.client.UnimplementedFileMode("?"), RegistryMisbehaved),
    (http.client.IncompleteRead(b""), ConnectionLost),
    (http.client.ImproperConnectionState("?"), RegistryMisbehaved),
    (http.client.CannotSendRequest("?"), RegistryMisbehaved),
    (http.client.CannotSendHeader("?"), RegistryMisbehaved),
    (http.client.ResponseNotReady("?"), RegistryMisbehaved),
    (http.client.BadStatusLine("SSH-2.0"), RegistryMisbehaved),
    (http.client.LineTooLong("header"), RegistryMisbehaved),
    (http.client.RemoteDisconnected("?"), ConnectionLost),
    # ssl, each of its exceptions once
    (tls("WRONG_VERSION_NUMBER"), PlainHttpRegistry),
    (ssl.SSLZeroReturnError("?"), ConnectionLost),
    (ssl.SSLWantReadError("?"), ConnectionLost),
    (ssl.SSLWantWriteError("?"), ConnectionLost),
    (ssl.SSLSyscallError("?"), ConnectionLost),
    (ssl.SSLEOFError("?"), ConnectionLost),
    (ssl.SSLCertVerificationError("?"), CertificateRejected),
    # the operating system
    (socket.gaierror(-2, "Name or service not known"), UnknownHost),
    (socket.herror("?"), ConnectionLost),
    (TimeoutError("?"), RegistryTimeout),
    (ConnectionRefusedError("?"), ConnectionRefused),
    (ConnectionResetError("?"), ConnectionLost),
    (ConnectionAbortedError("?"), ConnectionLost),
    (BrokenPipeError("?"), ConnectionLost),
    (OSError(errno.EHOSTUNREACH, "No route to host"), ConnectionRefused),
    (OSError(errno.ENETUNREACH, "Network is unreachable"), ConnectionRefused),
    (OSError(errno.EMFILE, "Too many open files"), ConnectionLost),
    # as they come: wrapped
    (u3.ProtocolError("aborted", ConnectionResetError(104, "reset")), ConnectionLost),
    (u3.ProtocolError("aborted", http.client.RemoteDisconnected("closed")), ConnectionLost),
    (u3.ProtocolError("aborted", http.client.BadStatusLine("\x15\x03\x03\x00\x02\x02F")), TlsRegistry),
    (u3.ProtocolError("broken", u3.IncompleteRead(10, 20)), ConnectionLost),
    (u3.SSLError(tls("CERTIFICATE_VERIFY_FAILED", ssl.SSLCertVerificationError)), CertificateRejected),
    (u3.SSLError(tls("RECORD_LAYER_FAILURE")), PlainHttpRegistry),
    (u3.SSLError(tls("UNEXPECTED_EOF_WHILE_READING", ssl.SSLEOFError)), ConnectionLost),
    (u3.ProxyError("no", u3.NewConnectionError(POOL, "refused")), ProxyFailed),
]


@pytest.mark.parametrize(("error", "expected"), CASES, ids=lambda value: getattr(value, "__name__", None))
def test_each_has_its_name(error: BaseException, expected: type[RegistryError]) -> None:
    found = translate(error, "registry.test:5000", "team/app")
    assert type(found) is expected
    assert "registry.test:5000" in found.message
    assert found.message.endswith(".")
    assert "\n" not in found.message


def test_the_table_is_complete() -> None:
    """A release of urllib3 or Python with a new exception makes this fail, so that somebody decides."""
    covered = {type(error) for error, _ in CASES}
    ours = [vars(u3), vars(http.client), vars(ssl)]
    known = {
        value
        for names in ours
        for value in names.values()
        if inspect.isclass(value)
        and issubclass(value, FOREIGN)
        and value.__module__ in (u3.__name__, "http.client", "ssl")
    }
    assert known - covered == set()


def test_nothing_foreign_gets_through() -> None:
    """Also what nobody has thought of is an error of ours."""
    for base in FOREIGN:
        unheard_of = type("UnheardOf", (base,), {})
        with pytest.raises(RegistryError), translated("host", "", CancelToken()):
            raise unheard_of("?")


def test_a_circle_of_causes_ends() -> None:
    one, two = OSError("one"), OSError("two")
    one.__cause__, two.__cause__ = two, one
    assert isinstance(translate(one, "host"), ConnectionLost)


def test_what_breaks_while_being_cancelled_was_cancelled() -> None:
    cancel = CancelToken()
    cancel.cancel()
    for error in (OSError("shut down"), ValueError("Read on closed or unwrapped SSL socket.")):
        with pytest.raises(Cancelled), translated("host", "", cancel):
            raise error


def test_a_mistake_in_the_program_stays_visible() -> None:
    with pytest.raises(ValueError, match="bug"), translated("host", "", CancelToken()):
        raise ValueError("bug")

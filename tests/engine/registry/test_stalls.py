"""Servers that never quite stop: in the head of an answer, in what frames a body, and in the body itself."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
import time
from collections.abc import Iterable, Iterator

import pytest

from samples.registry import SampleRegistry
from tests.engine.registry.conftest import BIG, BLOB, QUICK
from tests.support.processes import wait_until
from worker.engine.errors import ConnectionLost, RegistryError, RegistryMisbehaved, RegistryTimeout
from worker.engine.oci import Reference
from worker.engine.registry import Endpoint, RegistryClient
from worker.engine.registry.deadlines import Deadlines
from worker.engine.registry.response import SLOWEST, _Pace

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"


@contextlib.contextmanager
def dripping(first: bytes, drops: Iterable[bytes], pause: float = 0.02) -> Iterator[str]:
    """A server that answers everything with ``first``, and then one of ``drops`` after the other."""
    stopping = threading.Event()

    def serve(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.recv(1 << 16)
            connection.sendall(first)
            for drop in drops:
                if stopping.wait(pause):
                    return
                connection.sendall(drop)

    def accept(server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        threading.Thread(target=accept, args=(server,), daemon=True).start()
        try:
            yield f"127.0.0.1:{server.getsockname()[1]}"
        finally:
            stopping.set()
            server.shutdown(socket.SHUT_RDWR)


def client_of(host: str, stall_timeout: float = 0.4) -> RegistryClient:
    client = RegistryClient(Endpoint(host, insecure=True, stall_timeout=stall_timeout), retries=QUICK)
    client._session._scheme = "http"
    return client


@pytest.mark.parametrize(
    ("first", "drop"),
    [
        (b"", b"H"),
        (b"HTTP/1.1 200 OK\r\n", b"X"),
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["status", "a header", "headers", "informational answers"],
)
def test_a_head_that_does_not_end(first: bytes, drop: bytes) -> None:
    with dripping(first, itertools.repeat(drop)) as host, client_of(host) as client:
        # Whichever bound is met first: that of the time, or that of the size.
        with pytest.raises((RegistryTimeout, RegistryMisbehaved)):
            client.ping()


@pytest.mark.parametrize(
    ("first", "drop"),
    [
        (b"Transfer-Encoding: chunked\r\n\r\n5;", b"x"),
        (b"Transfer-Encoding: chunked\r\n\r\n", b"0"),
        (b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n"),
    ],
    ids=["a chunk's extension", "a chunk's length", "trailers"],
)
def test_what_frames_a_body_and_does_not_end(first: bytes, drop: bytes) -> None:
    with dripping(HEAD + first, itertools.repeat(drop)) as host, client_of(host) as client:
        with pytest.raises(RegistryError), client.open_blob("team/app", BLOB) as stream:
            stream.read()


@pytest.mark.parametrize(
    "frame",
    [f"Content-Length: {BIG.size}\r\n\r\n".encode(), b"Transfer-Encoding: chunked\r\n\r\n", b"\r\n"],
    ids=["length", "chunks", "to the end"],
)
def test_a_body_of_a_byte_now_and_then(frame: bytes) -> None:
    drop = b"1\r\nx\r\n" if b"chunked" in frame else b"x"
    with dripping(HEAD + frame, itertools.repeat(drop)) as host, client_of(host) as client:
        stream = client.open_blob("team/app", BLOB)
        with pytest.raises(RegistryTimeout, match="almost stopped"), stream:
            list(stream)
        assert stream.offset > 0


def test_a_steady_body_is_read_to_its_end() -> None:
    pieces = [BIG.blob[at : at + 50_000] for at in range(0, BIG.size, 50_000)]
    head = HEAD + f"Content-Length: {BIG.size}\r\n\r\n".encode()
    with (
        dripping(head, pieces) as host,
        client_of(host) as client,
        client.open_blob("team/app", BLOB) as stream,
    ):
        assert b"".join(stream) == BIG.blob


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nX: y\r\n", HEAD, HEAD + b"Content-Le"])
def test_a_connection_that_breaks_in_the_head_of_an_answer(head: bytes, reference: Reference) -> None:
    """Not a manifest of other content, which would be the end."""
    with dripping(head, ()) as host, client_of(host) as client, pytest.raises(ConnectionLost):
        client.manifest(reference)


class TestPace:
    def test_counts_waiting_and_not_what_the_reader_does(self) -> None:
        pace = _Pace(60)
        assert all(pace.bears(1, 0.0) for _ in range(1000))

    def test_a_window_decides(self) -> None:
        pace = _Pace(60)
        assert pace.bears(1, 59)
        assert not pace.bears(1, 2)

    def test_each_window_anew(self) -> None:
        """A gigabyte at first is no excuse."""
        pace = _Pace(60)
        assert pace.bears(1 << 30, 60)
        assert not pace.bears(1, 60)

    def test_the_slowest_that_is_borne(self) -> None:
        pace = _Pace(60)
        assert all(pace.bears(int(SLOWEST), 1.0) for _ in range(600))


class TestDeadlines:
    def test_what_is_in_time_is_left_alone(self) -> None:
        ended: list[None] = []
        deadlines = Deadlines()
        for _ in range(100):
            with deadlines.within(60, lambda: ended.append(None)) as deadline:
                pass
            assert not deadline.passed
        assert ended == []

    def test_what_is_late_is_ended_once(self) -> None:
        ended: list[float] = []
        with Deadlines().within(0.05, lambda: ended.append(time.monotonic())) as deadline:
            wait_until(lambda: ended, 20, "the end")
            time.sleep(0.3)
        assert deadline.passed
        assert len(ended) == 1

    def test_no_thread_stays(self) -> None:
        deadlines = Deadlines()
        with deadlines.within(60, lambda: None):
            assert deadlines._watched
        wait_until(lambda: not deadlines._watched, 20, "the watching thread to end")


class TestConnections:
    """What was left in a connection is not taken for the next answer."""

    def test_after_a_body_that_was_not_read(self, client: RegistryClient, registry: SampleRegistry) -> None:
        for _ in range(5):
            with client.open_blob("team/app", BLOB) as stream:
                stream.read(1000)
        with client.open_blob("team/app", BLOB, 1_000_000) as stream:
            assert b"".join(stream) == BIG.blob[1_000_000:]
        assert registry.connections == 7  # one for TLS, which was refused; one for each body that was left

    def test_after_an_error_that_was_not_read(self, client: RegistryClient, registry: SampleRegistry) -> None:
        client.ping()
        before = registry.connections
        registry.faults.where = "/blobs/"
        registry.faults.fail(503, body="x" * 3_000_000)
        with client.open_blob("team/app", BLOB) as stream:
            assert b"".join(stream) == BIG.blob
        assert registry.connections <= before + 2

    def test_of_a_server_that_closes_after_each_answer(
        self, client: RegistryClient, registry: SampleRegistry
    ) -> None:
        registry.faults.one_answer = True
        for offset in (0, 1_000_000, 0):
            with client.open_blob("team/app", BLOB, offset) as stream:
                assert b"".join(stream) == BIG.blob[offset:]

    def test_that_the_server_closed_meanwhile(self, client: RegistryClient, registry: SampleRegistry) -> None:
        """A kept connection that has died is no failure that anybody hears of."""
        with client.open_blob("team/app", BLOB) as stream:
            list(stream)
        registry._server.drop_connections()
        time.sleep(0.1)
        with client.open_blob("team/app", BLOB) as stream:
            assert b"".join(stream) == BIG.blob

"""Cancelling takes effect at once, whatever the client waits for. (All time limits here are a minute.)"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from samples.images import SampleImage
from samples.registry import SampleRegistry
from tests.engine.registry.conftest import BIG, BLOB
from worker.engine.cancel import CancelToken
from worker.engine.errors import Cancelled
from worker.engine.registry import Endpoint, RegistryClient


def endpoint(host: str, **given: object) -> Endpoint:
    return Endpoint(host, connect_timeout=60, stall_timeout=60, **given)  # type: ignore[arg-type]


def assert_cancelled(call: Callable[[], object], cancel: CancelToken, ready: Callable[[], bool]) -> None:
    """Start ``call``, cancel as soon as it is ``ready`` (and surely waits), and see it end soon."""
    outcome: list[BaseException | None] = []

    def run() -> None:
        try:
            call()
        except Cancelled as error:
            outcome.append(error)
        else:
            outcome.append(None)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(0.1)
    cancel.cancel()
    thread.join(5)
    assert outcome, "still waiting"
    assert isinstance(outcome[0], Cancelled)


@pytest.mark.parametrize("tls", [False, True])
def test_in_the_middle_of_a_blob(sample: SampleImage, tls: bool) -> None:
    cancel = CancelToken()
    got: list[int] = []
    with SampleRegistry(tls=tls) as registry:
        registry.push("team/app", "1", sample)
        registry.faults.stall = 1_000_000
        where = endpoint(registry.host, insecure=not tls, ca_file=registry.ca_file)
        with RegistryClient(where, cancel=cancel) as client:

            def read() -> None:
                with client.open_blob("team/app", BLOB) as stream:
                    got.extend(len(piece) for piece in stream)

            assert_cancelled(read, cancel, lambda: sum(got) == 1_000_000)


def test_in_the_middle_of_a_blob_of_an_old_server(sample: SampleImage) -> None:
    """One that closes the connection to end its answer: there the client has given its socket away."""
    head = f"HTTP/1.0 200 OK\r\nContent-Length: {BIG.size}\r\nConnection: close\r\n\r\n".encode()
    cancel = CancelToken()
    got: list[int] = []
    with (
        _answering(head + BIG.blob[:100_000]) as host,
        RegistryClient(endpoint(host, insecure=True), cancel=cancel) as client,
    ):

        def read() -> None:
            with client.open_blob("team/app", BLOB) as stream:
                got.extend(len(piece) for piece in stream)

        assert_cancelled(read, cancel, lambda: sum(got) == 100_000)


def test_before_the_first_byte_of_an_answer() -> None:
    cancel = CancelToken()
    asked = threading.Event()
    with (
        _answering(b"", asked) as host,
        RegistryClient(endpoint(host, insecure=True), cancel=cancel) as client,
    ):
        client._session._scheme = "http"
        assert_cancelled(client.ping, cancel, asked.is_set)


def test_during_the_tls_handshake() -> None:
    cancel = CancelToken()
    asked = threading.Event()
    with _answering(b"", asked) as host, RegistryClient(endpoint(host), cancel=cancel) as client:
        assert_cancelled(client.ping, cancel, asked.is_set)


def test_while_connecting() -> None:
    """To a host whose queue is full, which lets SYN packets go unanswered."""
    cancel = CancelToken()
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(contextlib.closing(socket.socket()))
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(4):
            filler = stack.enter_context(contextlib.closing(socket.socket()))
            filler.setblocking(False)
            filler.connect_ex(server.getsockname())
        host = f"127.0.0.1:{server.getsockname()[1]}"
        client = stack.enter_context(RegistryClient(endpoint(host), cancel=cancel))
        dialling = client._session.transport.dialler._dialling
        assert_cancelled(client.ping, cancel, lambda: bool(dialling))


def test_while_looking_up_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    cancel = CancelToken()
    asked, free = threading.Event(), threading.Event()

    def slow(*given: object, **named: object) -> list[object]:
        asked.set()
        free.wait(30)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    with RegistryClient(endpoint("registry.test"), cancel=cancel) as client:
        assert_cancelled(client.ping, cancel, asked.is_set)
    free.set()


def test_before_it_began(registry: SampleRegistry) -> None:
    cancel = CancelToken()
    cancel.cancel()
    with RegistryClient(endpoint(registry.host, insecure=True), cancel=cancel) as client:
        with pytest.raises(Cancelled):
            client.ping()
    assert registry.requests == []


def test_closing_a_client_forgets_it(registry: SampleRegistry) -> None:
    """A token outlives its clients; they must not pile up in it."""
    cancel = CancelToken()
    for _ in range(3):
        with RegistryClient(endpoint(registry.host, insecure=True), cancel=cancel) as client:
            client.open_blob("team/app", BLOB).close()
    assert cancel._wakers == []


@contextlib.contextmanager
def _answering(data: bytes, asked: threading.Event | None = None) -> Iterator[str]:
    """A server that answers every connection's first bytes with ``data`` and then says nothing more."""
    kept: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    kept.append(connection)
                    first = connection.recv(65536)
                    if first[:1] == b"\x16" and data:  # a TLS handshake: not here
                        connection.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")
                        connection.close()
                        continue
                    connection.sendall(data)
                    if asked is not None:
                        asked.set()

        threading.Thread(target=serve, daemon=True).start()
        try:
            yield f"127.0.0.1:{server.getsockname()[1]}"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            for connection in kept:
                connection.close()

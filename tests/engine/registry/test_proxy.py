"""The environment's HTTP proxies."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from samples.images import SampleImage
from samples.registry import SampleRegistry
from tests.engine.registry.conftest import QUICK
from worker.engine import registry as engine
from worker.engine.errors import ConnectionRefused
from worker.engine.registry import Endpoint, RegistryClient
from worker.engine.registry.proxy import proxy_for

NAMES = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@contextlib.contextmanager
def proxy(target: str) -> Iterator[tuple[str, list[bytes]]]:
    """A proxy that leads every request to ``target``, and keeps each connection's first bytes."""
    seen: list[bytes] = []

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def serve(server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                inner, _ = server.accept()
                head = inner.recv(65536)
                seen.append(head)
                host, _, port = target.rpartition(":")
                outer = socket.create_connection((host, int(port)))
                if head.startswith(b"CONNECT "):
                    inner.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                else:
                    outer.sendall(head)
                threading.Thread(target=pump, args=(outer, inner), daemon=True).start()
                threading.Thread(target=pump, args=(inner, outer), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, args=(server,), daemon=True).start()
        yield f"http://user:pass@127.0.0.1:{server.getsockname()[1]}", seen
        server.shutdown(socket.SHUT_RDWR)


def test_tls_goes_through_a_tunnel(monkeypatch: pytest.MonkeyPatch, sample: SampleImage) -> None:
    """The name need not even be known here; and the proxy's password goes to the proxy alone."""
    with SampleRegistry(tls=True) as registry, proxy(registry.host) as (address, seen):
        registry.push("team/app", "1", sample)
        monkeypatch.setenv("HTTPS_PROXY", address)
        with RegistryClient(Endpoint("registry.test", insecure=True), retries=QUICK) as client:
            assert client.manifest(("team/app", sample.digest)).raw == sample.raw
        assert seen[0].startswith(b"CONNECT registry.test:443 ")
        assert b"Proxy-Authorization: Basic dXNlcjpwYXNz" in seen[0].replace(
            b"proxy-authorization", b"Proxy-Authorization"
        )
        assert not any("proxy-authorization" in request.headers for request in registry.requests)


def test_plain_http_is_asked_through_the_proxy(
    monkeypatch: pytest.MonkeyPatch, registry: SampleRegistry, sample: SampleImage
) -> None:
    with proxy(registry.host) as (address, seen):
        monkeypatch.setenv("HTTP_PROXY", address)
        with RegistryClient(Endpoint("registry.test", insecure=True), retries=QUICK) as client:
            client._session._scheme = "http"
            assert client.manifest(("team/app", sample.digest)).raw == sample.raw
        assert seen[0].startswith(b"GET http://registry.test/v2/team/app/manifests/")


def test_a_dead_proxy_is_named(monkeypatch: pytest.MonkeyPatch, closed_port: int) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{closed_port}")
    with (
        RegistryClient(Endpoint("registry.test"), retries=QUICK) as client,
        pytest.raises(ConnectionRefused) as caught,
    ):
        client.ping()
    assert f"127.0.0.1:{closed_port} refused the connection" in caught.value.message


@pytest.mark.parametrize("address", ["socks9://x", "http://[::1", "nonsense://"])
def test_an_unusable_proxy_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", address)
    with RegistryClient(Endpoint("registry.test"), retries=QUICK) as client, pytest.raises(ConnectionRefused):
        client.ping()
    assert not engine.test_connection(Endpoint("registry.test")).ok


def test_a_proxy_may_leave_its_scheme_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "proxy.test:3128")
    assert proxy_for("https", "registry.test") == "http://proxy.test:3128"


def test_the_connection_test_tries_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with SampleRegistry(tls=True) as registry, proxy(registry.host) as (address, _):
        monkeypatch.setenv("HTTPS_PROXY", address)
        report = engine.test_connection(Endpoint("registry.test", insecure=True))
    assert [step.name for step in report.steps] == ["DNS", "Proxy", "TLS", "API", "Authentication"]
    assert report.ok


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]", "registry.localhost"]
)
def test_this_machine_is_never_proxied(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    for name in NAMES:
        monkeypatch.setenv(name, "http://proxy.test:3128" if name != "no_proxy" else "")
    assert proxy_for("https", host) is None
    assert proxy_for("http", host) is None
    assert proxy_for("https", "registry.test") == "http://proxy.test:3128"


def test_no_proxy_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://proxy.test:3128")
    monkeypatch.setenv("NO_PROXY", "corp.test,10.0.0.1")
    assert proxy_for("https", "registry.corp.test") is None
    assert proxy_for("https", "10.0.0.1") is None
    assert proxy_for("https", "docker.io") == "http://proxy.test:3128"

"""TLS against plain HTTP and back, and whose certificate it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from samples.images import SampleImage
from samples.registry import SampleRegistry
from tests.engine.registry.conftest import QUICK
from worker.engine.cancel import CancelToken
from worker.engine.errors import (
    CertificateRejected,
    ConnectionLost,
    PlainHttpRegistry,
    RegistryTimeout,
    StrataError,
    TlsRegistry,
)
from worker.engine.oci import Reference
from worker.engine.registry import Endpoint, RegistryClient
from worker.engine.registry.transport import Transport


@pytest.fixture
def secure(sample: SampleImage) -> Iterator[SampleRegistry]:
    with SampleRegistry(tls=True) as running:
        running.push("team/app", "1", sample)
        yield running


def failure_of(endpoint: Endpoint) -> StrataError:
    with RegistryClient(endpoint, retries=QUICK) as client, pytest.raises(StrataError) as caught:
        client.ping()
    return caught.value


def test_a_trusted_certificate(secure: SampleRegistry, sample: SampleImage) -> None:
    with RegistryClient(Endpoint(secure.host, ca_file=secure.ca_file)) as client:
        assert client.manifest(("team/app", sample.digest)).raw == sample.raw
        assert client.scheme == "https"


def test_an_unknown_certificate(secure: SampleRegistry) -> None:
    error = failure_of(Endpoint(secure.host))
    assert isinstance(error, CertificateRejected)
    assert secure.host in error.message
    assert secure.requests == []


def test_a_certificate_for_another_name(secure: SampleRegistry) -> None:
    port = secure.host.rpartition(":")[2]
    error = failure_of(Endpoint(f"127.0.0.2:{port}", ca_file=secure.ca_file))
    # It listens on 127.0.0.1 alone; where the kernel answers for all of 127/8, the name is wrong.
    assert error.code in ("certificate_rejected", "connection_refused")


def test_to_find_out_about_tls_costs_no_request(secure: SampleRegistry, sample: SampleImage) -> None:
    """What an unchanged pull asks is all that it asks, also where any certificate will do."""
    with RegistryClient(Endpoint(secure.host, insecure=True)) as client:
        assert client.resolve(Reference.parse(f"{secure.host}/team/app:1")).digest == sample.digest
        assert client.scheme == "https"
    assert [(one.method, one.path) for one in secure.requests] == [("HEAD", "/v2/team/app/manifests/1")]


def test_an_insecure_registry_may_have_any_certificate(secure: SampleRegistry, sample: SampleImage) -> None:
    with RegistryClient(Endpoint(secure.host, insecure=True)) as client:
        assert client.manifest(("team/app", sample.digest)).raw == sample.raw
        assert client.scheme == "https"


def test_tls_to_a_plain_registry(registry: SampleRegistry) -> None:
    error = failure_of(Endpoint(registry.host))
    assert isinstance(error, PlainHttpRegistry)
    assert error.message == f"{registry.host} speaks plain HTTP, not TLS."
    assert "insecure" in error.hint


def test_plain_http_to_a_tls_registry(secure: SampleRegistry) -> None:
    cancel = CancelToken()
    transport = Transport(Endpoint(secure.host, insecure=True), cancel)
    with pytest.raises((TlsRegistry, ConnectionLost)):
        transport.send("GET", f"http://{secure.host}/v2/", {})
    transport.close()


def test_localhost_is_not_insecure_by_itself(registry: SampleRegistry) -> None:
    port = registry.host.rpartition(":")[2]
    assert isinstance(failure_of(Endpoint(f"localhost:{port}")), PlainHttpRegistry)


def test_an_insecure_registry_is_asked_by_tls_first(registry: SampleRegistry) -> None:
    """So that a password is sent in the clear only where there is no TLS at all."""
    with RegistryClient(Endpoint(registry.host, insecure=True)) as client:
        client.ping()
        assert client.scheme == "http"


def test_only_the_insecure_host_itself_goes_unverified(secure: SampleRegistry) -> None:
    transport = Transport(Endpoint("registry.test:5000", insecure=True), CancelToken())
    assert not transport.tls_context("registry.test").check_hostname
    assert transport.tls_context("elsewhere.test").check_hostname
    transport.close()


def test_a_silent_port_times_out(silent_port: int) -> None:
    endpoint = Endpoint(f"127.0.0.1:{silent_port}", connect_timeout=0.3, stall_timeout=0.3)
    error = failure_of(endpoint)
    assert isinstance(error, RegistryTimeout)
    assert f"127.0.0.1:{silent_port}" in error.message


@pytest.mark.parametrize("content", [None, "", "nonsense"])
def test_an_unusable_file_of_certificates(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    error = failure_of(Endpoint("127.0.0.1:1", ca_file=path))
    assert isinstance(error, CertificateRejected)
    assert str(path) in error.message

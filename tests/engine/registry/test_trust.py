"""Private authorities and client certificates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from samples.client_certificates import ClientAuthority
from samples.images import SampleImage
from samples.registry import SampleRegistry
from tests.engine.registry.conftest import BLOB, QUICK
from worker.engine import registry as engine
from worker.engine.errors import (
    CertificateRejected,
    ClientCertificateRejected,
    ClientCertificateUnusable,
    ConnectionLost,
    StrataError,
)
from worker.engine.registry import ClientCertificate, Endpoint, RegistryClient
from worker.engine.registry.trust import tls_context


@pytest.fixture
def clients(tmp_path: Path) -> ClientAuthority:
    return ClientAuthority(tmp_path)


@pytest.fixture
def strict(sample: SampleImage, clients: ClientAuthority) -> Iterator[SampleRegistry]:
    """Talks only to who shows a certificate."""
    with SampleRegistry(tls=True) as running:
        running.push("team/app", "1", sample)
        running.demand_client_certificates(clients.ca_file)
        yield running


@pytest.fixture
def endpoint(strict: SampleRegistry, clients: ClientAuthority) -> Endpoint:
    """Trusted and trusting."""
    assert strict.ca_file is not None
    shown = ClientCertificate(*clients.issue("worker"))
    return Endpoint(strict.host, ca=strict.ca_file.read_text(), client_certificate=shown)


def failure_of(endpoint: Endpoint) -> StrataError:
    with RegistryClient(endpoint, retries=QUICK) as client, pytest.raises(StrataError) as caught:
        client.ping()
    return caught.value


def test_authority_and_client_certificate_are_texts(endpoint: Endpoint, sample: SampleImage) -> None:
    with RegistryClient(endpoint) as client:
        assert client.manifest(("team/app", sample.digest)).raw == sample.raw


def test_without_a_client_certificate_it_is_refused(endpoint: Endpoint) -> None:
    # By TLS 1.3 the alert may arrive together with the end of the connection, and be lost.
    assert isinstance(
        failure_of(replace(endpoint, client_certificate=None)), ClientCertificateRejected | ConnectionLost
    )


def test_the_test_blames_tls_for_a_missing_client_certificate(endpoint: Endpoint) -> None:
    report = engine.test_connection(replace(endpoint, client_certificate=None))
    assert [step.name for step in report.steps] == ["DNS", "TCP", "TLS"]
    assert isinstance(report.error, ClientCertificateRejected)
    assert report.skipped == ("API", "Authentication")


def test_the_test_blames_tls_for_a_client_certificate_of_strangers(
    endpoint: Endpoint, tmp_path_factory: pytest.TempPathFactory
) -> None:
    others = ClientAuthority(tmp_path_factory.mktemp("others"))
    stranger = ClientCertificate(*others.issue("worker"))
    report = engine.test_connection(replace(endpoint, client_certificate=stranger))
    assert report.steps[-1].name == "TLS"
    assert isinstance(report.error, ClientCertificateRejected)


def test_the_test_tells_that_the_certificate_was_shown(endpoint: Endpoint) -> None:
    report = engine.test_connection(endpoint)
    assert report.ok
    assert "shown the client certificate" in report.steps[2].detail


def test_a_key_of_another_certificate(endpoint: Endpoint, clients: ClientAuthority) -> None:
    mixed = ClientCertificate(clients.issue("a")[0], clients.issue("b")[1])
    error = failure_of(replace(endpoint, client_certificate=mixed))
    assert isinstance(error, ClientCertificateUnusable)
    assert "does not belong" in error.message


def test_a_key_with_a_passphrase_asks_nobody(endpoint: Endpoint, clients: ClientAuthority) -> None:
    locked = ClientCertificate(*clients.issue("a", passphrase="secret"))
    error = failure_of(replace(endpoint, client_certificate=locked))
    assert isinstance(error, ClientCertificateUnusable)
    assert "passphrase" in error.message


@pytest.mark.parametrize(
    "text", ["nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_what_is_no_certificate(endpoint: Endpoint, text: str) -> None:
    unusable = replace(endpoint, client_certificate=ClientCertificate(text, "nonsense"))
    assert isinstance(failure_of(unusable), ClientCertificateUnusable)
    assert isinstance(failure_of(replace(endpoint, ca=text)), CertificateRejected)


def test_other_hosts_are_not_shown_the_certificate(
    strict: SampleRegistry, endpoint: Endpoint, sample: SampleImage
) -> None:
    """Where blobs are redirected to, a client certificate is as much a secret as a password."""
    strict.faults.redirect = strict.url.replace("127.0.0.1", "localhost")
    with RegistryClient(endpoint, retries=QUICK) as client:
        client.manifest(("team/app", sample.digest))
        with pytest.raises((ClientCertificateRejected, ConnectionLost)):
            client.open_blob("team/app", BLOB)


def test_keys_are_not_shown(endpoint: Endpoint) -> None:
    assert endpoint.client_certificate is not None
    assert "PRIVATE" not in repr(endpoint)


def test_keys_leave_no_file_and_no_descriptor(endpoint: Endpoint) -> None:
    tls_context(endpoint, verify=True, own_host=True)
    before = sorted(Path("/proc/self/fd").iterdir())
    tls_context(endpoint, verify=True, own_host=True)
    assert sorted(Path("/proc/self/fd").iterdir()) == before

"""The connection test, step by step."""

from __future__ import annotations

import pytest

from samples.registry import Auth, SampleRegistry
from worker.engine import registry as engine
from worker.engine.errors import (
    CertificateRejected,
    ConnectionRefused,
    PlainHttpRegistry,
    RegistryMisbehaved,
    Unauthorized,
    UnknownHost,
)
from worker.engine.registry import Credentials, Endpoint

ALL = ["DNS", "TCP", "TLS", "API", "Authentication"]


def try_out(endpoint: Endpoint) -> tuple[engine.ConnectionReport, list[str]]:
    report = engine.test_connection(endpoint)
    assert all(step.ok for step in report.steps[:-1])
    assert report.ok == report.steps[-1].ok == (report.error is None)
    assert all(step.detail.endswith(".") for step in report.steps)
    return report, [step.name for step in report.steps]


def test_a_plain_registry(registry: SampleRegistry) -> None:
    report, names = try_out(Endpoint(registry.host, insecure=True))
    assert report.ok
    assert names == ALL
    assert "in the clear" in report.steps[2].detail


def test_a_tls_registry() -> None:
    with SampleRegistry(tls=True) as registry:
        report, names = try_out(Endpoint(registry.host, ca_file=registry.ca_file))
        assert report.ok
        assert names == ALL
        assert "Strata samples" in report.steps[2].detail
        report, _ = try_out(Endpoint(registry.host, insecure=True))
        assert report.ok
        assert "not checked" in report.steps[2].detail


def test_an_unknown_host() -> None:
    report, names = try_out(Endpoint("registry.invalid"))
    assert names == ["DNS"]
    assert isinstance(report.error, UnknownHost)


@pytest.mark.parametrize("insecure", [True, False])
def test_a_closed_port(closed_port: int, insecure: bool) -> None:
    report, names = try_out(Endpoint(f"127.0.0.1:{closed_port}", insecure=insecure))
    assert names == ["DNS", "TCP"]
    assert isinstance(report.error, ConnectionRefused)


def test_plain_http_without_leave(registry: SampleRegistry) -> None:
    report, names = try_out(Endpoint(registry.host))
    assert names == ["DNS", "TCP", "TLS"]
    assert isinstance(report.error, PlainHttpRegistry)


def test_an_unknown_certificate() -> None:
    with SampleRegistry(tls=True) as registry:
        report, names = try_out(Endpoint(registry.host))
    assert names == ["DNS", "TCP", "TLS"]
    assert isinstance(report.error, CertificateRejected)


def test_a_web_page(registry: SampleRegistry) -> None:
    registry.faults.page = True
    report, names = try_out(Endpoint(registry.host, insecure=True))
    assert names == ["DNS", "TCP", "TLS", "API"]
    assert isinstance(report.error, RegistryMisbehaved)


@pytest.mark.parametrize("kind", ["basic", "bearer"])
def test_credentials(registry: SampleRegistry, kind: str) -> None:
    registry.auth = Auth(kind, "alice", "secret")
    report, _ = try_out(Endpoint(registry.host, insecure=True, credentials=Credentials("alice", "secret")))
    assert report.ok
    assert report.steps[-1].detail == "The credentials are accepted."
    report, _ = try_out(Endpoint(registry.host, insecure=True, credentials=Credentials("alice", "wrong")))
    assert isinstance(report.error, Unauthorized)


def test_no_credentials(registry: SampleRegistry) -> None:
    endpoint = Endpoint(registry.host, insecure=True)
    registry.auth = Auth("basic", "alice", "secret")
    report, _ = try_out(endpoint)
    assert isinstance(report.error, Unauthorized)
    registry.auth = Auth("bearer")
    report, _ = try_out(endpoint)
    assert "public repositories can be pulled" in report.steps[-1].detail
    registry.auth = Auth("bearer", "alice", "secret")
    report, _ = try_out(endpoint)
    assert report.ok
    assert "at most public" in report.steps[-1].detail

"""The proxy that a registry has of its own."""

from __future__ import annotations

import pytest

from samples.images import SampleImage
from samples.proxy import SampleProxy
from samples.registry import SampleRegistry
from tests.engine.registry.conftest import BLOB, QUICK
from worker.engine import registry as engine
from worker.engine.errors import (
    CertificateRejected,
    ProxyFailed,
    ProxyRefused,
    RegistryMisbehaved,
    UnknownHost,
)
from worker.engine.registry import DIRECT, Credentials, Endpoint, Proxy, RegistryClient

ALICE = Credentials("alice", "wonder:land")


def reached(endpoint: Endpoint, sample: SampleImage) -> bool:
    with RegistryClient(endpoint, retries=QUICK) as client:
        return client.manifest(("team/app", sample.digest)).raw == sample.raw


def steps(endpoint: Endpoint) -> tuple[engine.ConnectionReport, list[str]]:
    report = engine.test_connection(endpoint)
    return report, [step.name for step in report.steps]


def test_tls_goes_through_it_by_connect_also_to_this_machine(sample: SampleImage) -> None:
    """And the proxy's credentials go to the proxy alone."""
    with (
        SampleRegistry(tls=True) as registry,
        SampleProxy(username="alice", password="wonder:land") as proxy,
    ):
        registry.push("team/app", "1", sample)
        endpoint = Endpoint(registry.host, ca_file=registry.ca_file, proxy=Proxy(proxy.url, ALICE))
        assert reached(endpoint, sample)
        assert proxy.seen == [f"CONNECT {registry.host}"]
        assert not any("proxy-authorization" in request.headers for request in registry.requests)


def test_plain_http_is_passed_on(registry: SampleRegistry, sample: SampleImage) -> None:
    with SampleProxy(username="alice", password="wonder:land") as proxy:
        endpoint = Endpoint(registry.host, insecure=True, proxy=Proxy(proxy.url, ALICE))
        assert reached(endpoint, sample)
        assert any(line.startswith(f"GET http://{registry.host}/v2/") for line in proxy.seen)


def test_a_proxy_may_speak_tls_itself(sample: SampleImage) -> None:
    with SampleRegistry(tls=True) as registry, SampleProxy(tls=True) as proxy:
        assert registry.ca_file is not None
        assert proxy.ca_file is not None
        registry.push("team/app", "1", sample)
        trusted = registry.ca_file.read_text() + proxy.ca_file.read_text()
        endpoint = Endpoint(registry.host, ca=trusted, proxy=Proxy(proxy.url))
        assert reached(endpoint, sample)
        report, names = steps(endpoint)
        assert report.ok, report.steps[-1].detail
        assert names == ["DNS", "Proxy", "TLS", "API", "Authentication"]
        report, names = steps(Endpoint(registry.host, ca_file=registry.ca_file, proxy=Proxy(proxy.url)))
        assert names[-1] == "Proxy"
        assert isinstance(report.error, CertificateRejected)


def test_it_counts_more_than_the_environment(
    monkeypatch: pytest.MonkeyPatch, registry: SampleRegistry, sample: SampleImage, closed_port: int
) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    with SampleProxy() as proxy:
        assert reached(Endpoint(registry.host, insecure=True, proxy=Proxy(proxy.url)), sample)
        assert proxy.seen
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{closed_port}")
    with pytest.raises(UnknownHost):
        reached(Endpoint("registry.invalid", proxy=DIRECT), sample)


@pytest.mark.parametrize("credentials", [None, Credentials("alice", "wrong")])
def test_a_proxy_that_refuses_is_blamed_at_once(
    registry: SampleRegistry, sample: SampleImage, credentials: Credentials | None
) -> None:
    """For TLS and for plain HTTP; trying again would not help."""
    with SampleProxy(username="alice", password="right") as proxy:
        for host, insecure in (("registry.test", False), (registry.host, True)):
            endpoint = Endpoint(host, insecure=insecure, proxy=Proxy(proxy.url, credentials))
            proxy.seen.clear()
            with pytest.raises(ProxyRefused) as caught:
                reached(endpoint, sample)
            # Whether none were sent or wrong ones: neither must be claimed where the other is the case.
            assert "wants credentials, or others than it was sent (status 407)" in caught.value.message
            assert len(proxy.seen) <= 2
            report, names = steps(endpoint)
            assert names[-1] == "Proxy"
            assert isinstance(report.error, ProxyRefused)


@pytest.mark.parametrize("inside", ["127.1", "2130706433", "169.254.169.254", "[::1]"])
def test_it_is_not_led_by_a_stranger_to_what_only_this_machine_can_reach(
    registry: SampleRegistry, inside: str
) -> None:
    """A proxy on this machine would go there; addresses are told from names in any form."""
    registry.faults.location = f"http://{inside}:1/latest"
    with SampleProxy() as proxy:
        endpoint = Endpoint(registry.host, insecure=True, proxy=Proxy(proxy.url))
        with (
            RegistryClient(endpoint, retries=QUICK) as client,
            pytest.raises(RegistryMisbehaved, match="nothing was sent there"),
        ):
            client.open_blob("team/app", BLOB)
        assert not any(":1/latest" in line for line in proxy.seen)


def test_the_test_says_what_of_a_proxy_fails(closed_port: int) -> None:
    report, names = steps(Endpoint("registry.test", proxy=Proxy("http://proxy.invalid:3128")))
    assert names == ["DNS"]
    assert isinstance(report.error, ProxyFailed)
    assert "proxy.invalid is unknown" in report.steps[-1].detail
    report, names = steps(Endpoint("registry.test", proxy=Proxy(f"http://127.0.0.1:{closed_port}")))
    assert names == ["DNS", "Proxy"]
    assert isinstance(report.error, ProxyFailed)
    assert "Check the registry's proxy" in report.error.hint
    with SampleProxy() as proxy:
        report, names = steps(Endpoint(f"127.0.0.1:{closed_port}", proxy=Proxy(proxy.url)))
    assert names == ["DNS", "Proxy"]
    assert isinstance(report.error, ProxyFailed)
    assert "502" in report.steps[-1].detail


def test_the_test_leads_through_it_to_the_end() -> None:
    with SampleRegistry(tls=True) as registry, SampleProxy() as proxy:
        report, names = steps(Endpoint(registry.host, ca_file=registry.ca_file, proxy=Proxy(proxy.url)))
    assert report.ok
    assert names == ["DNS", "Proxy", "TLS", "API", "Authentication"]


def test_the_password_is_not_shown() -> None:
    assert "wonder" not in repr(Endpoint("r.test", proxy=Proxy("http://p.test:1", ALICE)))

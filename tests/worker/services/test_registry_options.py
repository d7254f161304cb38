"""Registries' options: what is stored, what is refused at which argument, and where secrets may go."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from samples.client_certificates import ClientAuthority
from tests.conftest import Users
from worker import services
from worker.engine.errors import Conflict, InvalidInput, NotAllowed, StrataError
from worker.engine.registry import DIRECT, Caps, Credentials, Endpoint, Proxy
from worker.models import Project, RateLimit, Registry
from worker.models.reach import endpoint_for
from worker.services import RegistryOptions

Save = Callable[..., Registry]


@pytest.fixture
def clients(tmp_path: Path) -> ClientAuthority:
    return ClientAuthority(tmp_path)


@pytest.fixture
def save(project: Project, users: Users) -> Save:
    """Save a registry with these options."""

    def save(host: str = "r.example", registry: Registry | None = None, **options: Any) -> Registry:
        by = options.pop("by", users.admin)
        plain = {name: options.pop(name) for name in ("username", "password", "insecure") if name in options}
        fields: dict[str, Any] = {"insecure": False, "username": "", "password": None, **plain}
        return services.save_registry(
            project, host=host, by=by, registry=registry, given=RegistryOptions(**options), **fields
        )

    return save


def refused(save: Save, field: str, **options: Any) -> StrataError:
    with pytest.raises(StrataError) as caught:
        save(**options)
    assert caught.value.field == field
    return caught.value


def test_all_of_it_reaches_the_endpoint(
    save: Save, project: Project, clients: ClientAuthority, settings: Settings
) -> None:
    certificate, key = clients.issue("worker")
    save(
        "mirror.example",
        username="m",
        password="mm",
    )
    registry = save(
        username="u",
        password="p",
        ca=clients.ca_file.read_text(),
        client_certificate=certificate,
        client_key=key,
        proxy="own",
        proxy_url="http://Proxy.example:3128/",
        proxy_username="pu",
        proxy_password="pp",
        mirrors=["mirror.example/hub", " ", "https://other.example:5000/"],
        mirror_tags=False,
        max_downloads=4,
        max_bandwidth=1 << 20,
    )
    endpoint = endpoint_for(project, "r.example", reserve=0.5)
    assert endpoint.credentials == Credentials("u", "p")
    assert endpoint.ca == clients.ca_file.read_text()
    assert endpoint.client_certificate is not None
    assert (endpoint.client_certificate.certificate, endpoint.client_certificate.key) == (certificate, key)
    assert endpoint.proxy == Proxy("http://proxy.example:3128", Credentials("pu", "pp"))
    assert endpoint.mirrors == (
        Endpoint("mirror.example", credentials=Credentials("m", "mm"), prefix="hub"),
        Endpoint("other.example:5000"),
    )
    assert (endpoint.mirror_tags, endpoint.reserve) == (False, 0.5)
    folder = settings.STORE_DIR / "ingest" / "locks" / f"registry-{registry.pk}"
    assert endpoint.caps == Caps(folder, 4, 1 << 20)
    stored = str(Registry.objects.filter(pk=registry.pk).values()[0])
    assert "PRIVATE KEY" not in stored
    assert "'pp'" not in stored
    assert "'p'" not in stored


def test_what_is_not_given_stays(save: Save, project: Project, clients: ClientAuthority) -> None:
    certificate, key = clients.issue("worker")
    registry = save(client_certificate=certificate, client_key=key, mirrors=["m.example"], max_downloads=2)
    save(registry=registry, insecure=True)
    endpoint = endpoint_for(project, "r.example")
    assert endpoint.client_certificate is not None
    assert len(endpoint.mirrors) == 1
    assert endpoint.caps is not None
    save(registry=registry, client_certificate="", mirrors=[], max_downloads=0)
    endpoint = endpoint_for(project, "r.example")
    assert (endpoint.client_certificate, endpoint.mirrors, endpoint.caps) == (None, (), None)
    registry.refresh_from_db()
    assert registry.client_key_encrypted == ""


def test_which_proxy(save: Save, project: Project) -> None:
    registry = save()
    assert endpoint_for(project, "r.example").proxy is None
    save(
        registry=registry, proxy="own", proxy_url="https://p.example", proxy_username="u", proxy_password="p"
    )
    save(registry=registry, proxy="none")
    assert endpoint_for(project, "r.example").proxy == DIRECT
    registry.refresh_from_db()
    assert (registry.proxy_url, registry.proxy_username, registry.proxy_password_encrypted) == ("", "", "")


def test_a_mirrors_own_mirrors_do_not_count(save: Save, project: Project) -> None:
    save("m.example", mirrors=["r.example"])
    save(mirrors=["m.example"])
    assert endpoint_for(project, "r.example").mirrors == (Endpoint("m.example"),)


@pytest.mark.parametrize(
    ("field", "options"),
    [
        ("host", {"host": "a b"}),
        ("ca", {"ca": "nonsense"}),
        ("ca", {"ca": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"}),
        ("client_certificate", {"client_certificate": "nonsense"}),
        ("client_certificate", {"client_key": "nonsense"}),
        ("proxy", {"proxy": "some"}),
        ("proxy_url", {"proxy": "own"}),
        ("proxy_url", {"proxy": "own", "proxy_url": "socks5://p.example"}),
        ("proxy_url", {"proxy": "own", "proxy_url": "p.example:3128"}),
        ("proxy_url", {"proxy": "own", "proxy_url": "http://"}),
        ("proxy_url", {"proxy": "own", "proxy_url": "http://p.example:99999"}),
        ("proxy_url", {"proxy": "own", "proxy_url": "http://[::1"}),
        ("proxy_url", {"proxy": "own", "proxy_url": "http://u:p@p.example"}),
        ("proxy_url", {"proxy": "own", "proxy_url": "http://p.example/path"}),
        ("proxy_username", {"proxy": "own", "proxy_url": "http://p.example", "proxy_password": "p"}),
        ("mirrors", {"mirrors": ["r.example"]}),
        ("mirrors", {"mirrors": ["r.example/hub"]}),
        ("mirrors", {"mirrors": ["m.example", "m.example"]}),
        ("mirrors", {"mirrors": ["http://m.example"]}),
        ("mirrors", {"mirrors": ["a b"]}),
        ("mirrors", {"mirrors": ["m.example/UPPER"]}),
        ("mirrors", {"mirrors": ["m.example/../x"]}),
        ("mirrors", {"mirrors": [f"m{n}.example" for n in range(11)]}),
        ("max_downloads", {"max_downloads": -1}),
        ("max_downloads", {"max_downloads": 257}),
        ("max_bandwidth", {"max_bandwidth": 1023}),
        ("credential_source", {"credential_source": "elsewhere"}),
        ("credential_source", {"credential_source": "docker"}),
    ],
)
def test_what_cannot_be_meant_is_refused_at_its_argument(
    save: Save, field: str, options: dict[str, Any]
) -> None:
    assert isinstance(refused(save, field, **options), InvalidInput)
    assert not Registry.objects.exists()


def test_certificate_and_key_must_fit(save: Save, clients: ClientAuthority) -> None:
    certificate, key = clients.issue("a")
    assert (
        "does not belong"
        in refused(
            save, "client_key", client_certificate=certificate, client_key=clients.issue("b")[1]
        ).message
    )
    assert "no private key" in refused(save, "client_key", client_certificate=certificate).message
    assert (
        "passphrase"
        in refused(
            save,
            "client_key",
            client_certificate=certificate,
            client_key=clients.issue("a", passphrase="x")[1],
        ).message
    )
    refused(save, "client_key", client_certificate=certificate, client_key="nonsense")
    registry = save(client_certificate=certificate, client_key=key)
    refused(save, "client_key", registry=registry, client_certificate=clients.issue("c")[0])


def test_secrets_do_not_follow_another_host_or_proxy(
    save: Save, clients: ClientAuthority, project: Project
) -> None:
    """Or who may edit a row could send a password, which nobody may see, to a proxy of his own."""
    certificate, key = clients.issue("worker")
    registry = save(username="u", password="p", client_certificate=certificate, client_key=key)
    proxy = {"proxy": "own", "proxy_url": "http://evil.example"}
    refused(save, "password", registry=registry, username="u", **proxy)
    registry.refresh_from_db()
    refused(save, "client_key", registry=registry, username="u", password="p", **proxy)
    registry.refresh_from_db()
    assert registry.proxy == "environment"
    save(registry=registry, username="u", password="p", client_key=key, proxy_username="v",
         proxy_password="q", **proxy)  # fmt: skip
    registry.refresh_from_db()
    moved = {"proxy_url": "http://worse.example", "password": "p", "client_key": key}
    refused(save, "proxy_password", registry=registry, username="u", **moved)


def test_mirrors_are_on_the_allow_list(save: Save, project: Project, settings: Settings) -> None:
    settings.ALLOWED_REGISTRIES = ["*.example"]
    assert isinstance(refused(save, "mirrors", mirrors=["m.elsewhere.test"]), NotAllowed)
    save(mirrors=["m.example"])
    settings.ALLOWED_REGISTRIES = ["r.example"]
    with pytest.raises(NotAllowed, match=r"may not pull from m\.example"):
        endpoint_for(project, "r.example")


class TestDockersCredentials:
    @pytest.fixture(autouse=True)
    def _named(self, settings: Settings, tmp_path: Path) -> None:
        settings.DOCKER_CONFIG = str(tmp_path / "config.json")

    def test_they_are_looked_up_where_the_install_says(
        self, save: Save, project: Project, settings: Settings
    ) -> None:
        save(by=None, credential_source="docker")
        endpoint = endpoint_for(project, "r.example")
        assert endpoint.docker_config == Path(settings.DOCKER_CONFIG)
        assert endpoint.credentials is None
        settings.DOCKER_CONFIG = ""
        with pytest.raises(Conflict, match="none is named"):
            endpoint_for(project, "r.example")

    def test_only_an_administrator_of_the_install_decides_on_them(
        self, save: Save, project: Project, users: Users
    ) -> None:
        """A project's admin could send them to a proxy and an authority of his own."""
        assert isinstance(refused(save, "credential_source", credential_source="docker"), NotAllowed)
        users.admin.is_superuser = True
        registry = save(credential_source="docker")
        users.admin.is_superuser = False
        for changes in ({"ca": ""}, {"credential_source": "typed"}):
            assert isinstance(refused(save, "credential_source", registry=registry, **changes), NotAllowed)

    def test_an_insecure_pull_does_not_give_them_away(self, save: Save, project: Project) -> None:
        save(by=None, credential_source="docker")
        with pytest.raises(NotAllowed, match="not sent over an insecure connection"):
            endpoint_for(project, "r.example", insecure=True)

    def test_nothing_is_typed_then(self, save: Save) -> None:
        refused(save, "username", by=None, credential_source="docker", username="u", password="p")


def test_what_a_registry_granted_to_others_is_forgotten(save: Save, project: Project) -> None:
    registry = save()
    for host in ("r.example", "s.example"):
        RateLimit.objects.note(project, host, limit=100, remaining=1)
    save(registry=registry, username="u", password="p")
    assert [row.host for row in RateLimit.objects.all()] == ["s.example"]


def test_the_test_tells_of_mirrors(save: Save, users: Users) -> None:
    registry = save("127.0.0.1:1", insecure=True, mirrors=["127.0.0.1:2"])
    report = services.test_registry(registry, by=users.operator)
    assert [(mirror.host, mirror.ok) for mirror in report.mirrors] == [("127.0.0.1:2", False)]

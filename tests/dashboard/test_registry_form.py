"""The groups of a registry's form, and what the list says of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from dashboard.forms.registries import RegistryForm
from samples.client_certificates import ClientAuthority
from tests.conftest import Users
from tests.dashboard.doors import client_of
from tests.support.api import Api
from tests.support.redis import RedisServer
from worker import services
from worker.engine.errors import ConnectionRefused
from worker.engine.registry import ConnectionReport, Step
from worker.models import Project, RateLimit, Registry
from worker.models.secret import decrypt

LIST = "/p/team/registries/"


@pytest.fixture
def clients(tmp_path: Path) -> ClientAuthority:
    return ClientAuthority(tmp_path)


def filled(clients: ClientAuthority) -> dict[str, str]:
    certificate, key = clients.issue("worker")
    return {
        "host": "r.example",
        "username": "u",
        "password": "p",
        "ca": clients.ca_file.read_text(),
        "client_certificate": certificate,
        "client_key": key,
        "proxy": "own",
        "proxy_url": "http://p.example:3128",
        "proxy_username": "pu",
        "proxy_password": "hunter2hunter2",
        "mirrors": "m.example/hub\r\n\r\nn.example\r\n",
        "mirrors_by_digest_only": "on",
        "max_downloads": "4",
        "max_bandwidth": "1.5",
    }


def test_everything_can_be_entered_and_is_kept_by_an_untouched_form(
    users: Users, clients: ClientAuthority, redis_server: RedisServer
) -> None:
    data = filled(clients)
    client = client_of(users.admin)
    assert client.post(f"{LIST}new/", data).status_code == 302
    row = Registry.objects.get()
    assert row.mirrors == ["m.example/hub", "n.example"]
    assert (row.mirror_tags, row.max_downloads, row.max_bandwidth) == (False, 4, 3 << 19)
    assert decrypt(row.proxy_password_encrypted) == "hunter2hunter2"
    form = client.get(f"{LIST}{row.pk}/").context["form"]
    again = {name: form[name].value() for name in form.fields if form[name].value() not in (None, False)}
    assert client.post(f"{LIST}{row.pk}/", again).status_code == 302
    before = {name: value for name, value in vars(row).items() if not name.startswith("_")}
    row.refresh_from_db()
    assert {name: value for name, value in vars(row).items() if not name.startswith("_")} == before


def test_secrets_are_shown_to_nobody(
    users: Users, clients: ClientAuthority, redis_server: RedisServer
) -> None:
    """Not in the form, nor after a refusal, in the list, or by the API."""
    data = filled(clients)
    client = client_of(users.admin)
    refused = client.post(f"{LIST}new/", {**data, "host": "no host"})
    assert refused.status_code == 422
    client.post(f"{LIST}new/", data)
    row = Registry.objects.get()
    pages = [refused, client.get(f"{LIST}{row.pk}/"), client.get(LIST)]
    texts = [page.content.decode() for page in pages] + [str(Api(users.admin).get(f"registries/{row.pk}"))]
    for text in texts:
        assert "hunter2hunter2" not in text
        assert data["client_key"].splitlines()[1] not in text
        assert row.client_key_encrypted not in text


def test_what_nobody_set_is_folded_away(users: Users, project: Project) -> None:
    assert [group.is_open for group in RegistryForm().groups] == [False] * 4
    row = Registry.objects.create(project=project, host="r.example", mirrors=["m.example"])
    groups = {group.title: group for group in RegistryForm(registry=row).groups}
    assert [title for title, group in groups.items() if group.is_open] == ["Mirrors"]
    assert groups["Mirrors"].says == "1 mirror"
    html = client_of(users.admin).get(f"{LIST}{row.pk}/").content.decode()
    assert html.count("<details open>") == 1


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("ca", "nonsense", "no certificate in PEM form"),
        ("client_certificate", "nonsense", "no certificate in PEM form"),
        ("client_key", "nonsense", "no private key in PEM form"),
        ("client_key", "", "no private key."),
        ("proxy_url", "", "no address of an HTTP proxy"),
        ("proxy_url", "socks5://p.example", "no address of an HTTP proxy"),
        ("proxy_url", "http://u:p@p.example", "fields of their own"),
        ("mirrors", "r.example", "is this registry itself"),
        ("max_downloads", "0", "at least 1"),
        ("max_downloads", "9999", "at most 256"),
        ("max_bandwidth", "9999999", "at most 1,048,576 MiB"),
        ("max_bandwidth", "0", "at least 0.001 MiB"),
        ("max_bandwidth", "nan", "Enter a number"),
    ],
)
def test_errors_stand_at_their_field_which_is_unfolded(
    users: Users, clients: ClientAuthority, field: str, value: str, said: str
) -> None:
    answer = client_of(users.admin).post(f"{LIST}new/", {**filled(clients), field: value})
    assert answer.status_code == 422
    form = answer.context["form"]
    assert said in " ".join(form.errors[field])
    assert list(form.errors) == [field]
    assert next(group for group in form.groups if field in [bound.name for bound in group.fields]).is_open
    assert not Registry.objects.exists()


def test_a_bad_host_is_told_together_with_what_else_is_wrong(users: Users, clients: ClientAuthority) -> None:
    data = filled(clients) | {"host": "no host", "ca": "nonsense"}
    form = client_of(users.admin).post(f"{LIST}new/", data).context["form"]
    assert set(form.errors) == {"host", "ca"}


def test_a_key_of_another_certificate_is_refused_at_the_key(users: Users, clients: ClientAuthority) -> None:
    data = filled(clients) | {"client_key": clients.issue("other")[1]}
    form = client_of(users.admin).post(f"{LIST}new/", data).context["form"]
    assert "does not belong" in " ".join(form.errors["client_key"])


def test_dockers_credentials_are_offered_where_the_install_names_some(
    users: Users, settings: Settings
) -> None:
    assert "credential_source" not in RegistryForm().fields
    settings.DOCKER_CONFIG = "/etc/strata/config.json"
    assert "credential_source" in RegistryForm().fields
    data = {"host": "r.example", "credential_source": "docker"}
    form = client_of(users.admin).post(f"{LIST}new/", data).context["form"]
    assert "Only an administrator of this install" in " ".join(form.errors["credential_source"])


def test_the_list_says_what_is_set_and_what_is_left(users: Users, project: Project) -> None:
    Registry.objects.create(
        project=project, host="docker.io", mirrors=["a.example", "b.example"], max_bandwidth=10 << 20
    )
    for host, remaining in (("docker.io", 76), ("quay.io", 0)):
        RateLimit.objects.note(
            project, host, limit=100, remaining=remaining, window=21_600, source="192.0.2.1", wait=21_600
        )
    html = client_of(users.viewer).get(LIST).content.decode()
    assert "2 mirrors · 10.0 MiB/s" in html
    assert "76 of 100 left" in html
    assert "0 of 100 left" in html
    assert 'class="allowance bad"' in html
    assert "100 pulls in 6 h, counted for 192.0.2.1" in html
    assert "without an entry" in html


def test_a_test_shows_each_mirror(users: Users, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    row = Registry.objects.create(project=project, host="r.example")
    error = ConnectionRefused("It refused.")
    mirror = ConnectionReport((Step("DNS", True, "found."), Step("TCP", False, "It refused.")), False, error,
                              ("TLS",), "m.example/hub")  # fmt: skip
    report = ConnectionReport((Step("DNS", True, "found."),), True, None, (), "r.example", (mirror,))
    monkeypatch.setattr(services, "test_registry", lambda row, by: report)
    html = client_of(users.operator).post(f"{LIST}{row.pk}/test/").content.decode()
    assert "m.example/hub" in html
    assert "passed over" in html
    body: Any
    status, body = Api(users.operator).call("POST", f"registries/{row.pk}/test")
    assert status == 200
    assert body["ok"]
    assert [(found["host"], found["ok"], found["skipped"]) for found in body["mirrors"]] == [
        ("m.example/hub", False, ["TLS"])
    ]


def test_the_api_takes_and_shows_the_same(
    users: Users, project: Project, clients: ClientAuthority, redis_server: RedisServer
) -> None:
    certificate, key = clients.issue("worker")
    api = Api(users.admin)
    status, made = api.call("POST", "registries", {
        "host": "r.example", "client_certificate": certificate, "client_key": key, "proxy": "own",
        "proxy_url": "http://p.example", "mirrors": ["m.example"], "mirror_tags": False, "max_downloads": 3,
    })  # fmt: skip
    assert status == 201, made
    assert (made["has_client_key"], made["proxy"], made["mirrors"]) == (True, "own", ["m.example"])
    status, changed = api.call("PATCH", f"registries/{made['id']}", {"max_downloads": 0})
    assert status == 200
    assert (changed["max_downloads"], changed["mirrors"]) == (None, ["m.example"])
    status, refused = api.call("PATCH", f"registries/{made['id']}", {"ca": "nonsense"})
    assert status == 422
    assert refused["error"]["code"] == "invalid_input"
    RateLimit.objects.note(project, "docker.io", limit=100, remaining=76, window=21_600, wait=21_600)
    [limit] = api.get("rate-limits")["items"]
    assert (limit["host"], limit["remaining"], limit["window"]) == ("docker.io", 76, 21_600)
    assert limit["full_at"] > limit["seen_at"]

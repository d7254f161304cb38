"""The pages of registries."""

from __future__ import annotations

import pytest
from pytest_django import DjangoAssertNumQueries

from dashboard.forms.registries import RegistryForm
from tests.conftest import Users
from tests.dashboard.doors import assert_door, assert_verbs, client_of
from tests.support.redis import RedisServer
from worker import services
from worker.engine.errors import PlainHttpRegistry
from worker.engine.registry import ConnectionReport, Step
from worker.models import Project, Registry, Role
from worker.models.secret import decrypt, encrypt

LIST = "/p/team/registries/"


@pytest.fixture
def registry(project: Project) -> Registry:
    return Registry.objects.create(
        project=project, host="registry.example.org", username="bot", password_encrypted=encrypt("s3cret")
    )


def test_doors(users: Users, registry: Registry) -> None:
    one = f"{LIST}{registry.pk}/"
    assert_door(users, "get", LIST, needs=Role.VIEWER)
    assert_verbs(users.admin, LIST, refused="post put delete")
    for address in (f"{LIST}new/", one, f"{one}remove/"):
        for method in ("get", "post"):
            assert_door(users, method, address, needs=Role.ADMIN)
        assert_verbs(users.admin, address, refused="put delete")
    assert_door(users, "post", f"{one}test/", needs=Role.OPERATOR)
    assert_verbs(users.admin, f"{one}test/", refused="get put delete")


def test_another_projects_registry_is_not_found(users: Users) -> None:
    other = Registry.objects.create(project=Project.objects.create(slug="o", name="O"), host="x.org")
    client = client_of(users.admin)
    assert client.get(f"{LIST}{other.pk}/").status_code == 404
    assert client.post(f"{LIST}{other.pk}/test/").status_code == 404
    assert client.post(f"{LIST}{other.pk}/remove/").status_code == 404
    assert Registry.objects.filter(pk=other.pk).exists()


def test_a_viewer_sees_the_list_without_names_and_secrets(users: Users, registry: Registry) -> None:
    html = client_of(users.viewer).get(LIST).content.decode()
    assert "registry.example.org" in html
    assert "bot" not in html.replace("button", "")
    assert registry.password_encrypted not in html
    assert f"{LIST}{registry.pk}/" not in html


def test_the_password_is_shown_to_nobody(users: Users, registry: Registry) -> None:
    html = client_of(users.admin).get(f"{LIST}{registry.pk}/").content.decode()
    assert 'value="bot"' in html
    assert "s3cret" not in html
    assert registry.password_encrypted not in html
    assert "One is stored." in html


def test_an_empty_project_says_when_a_registry_is_needed(users: Users) -> None:
    assert "Public registries need no entry" in client_of(users.viewer).get(LIST).content.decode()


def test_one_is_added(users: Users, redis_server: RedisServer) -> None:
    answer = client_of(users.admin).post(
        f"{LIST}new/", {"host": "localhost:5000", "insecure": "on", "username": "u", "password": " p "}
    )
    assert answer.status_code == 302
    made = Registry.objects.get()
    assert (made.host, made.insecure, made.username) == ("localhost:5000", True, "u")
    assert decrypt(made.password_encrypted) == " p "


def test_an_empty_password_keeps_the_stored_one(
    users: Users, registry: Registry, redis_server: RedisServer
) -> None:
    client_of(users.admin).post(f"{LIST}{registry.pk}/", {"host": registry.host, "username": "robot"})
    registry.refresh_from_db()
    assert registry.username == "robot"
    assert decrypt(registry.password_encrypted) == "s3cret"


def test_the_credentials_can_be_removed(users: Users, registry: Registry, redis_server: RedisServer) -> None:
    client_of(users.admin).post(
        f"{LIST}{registry.pk}/", {"host": registry.host, "username": "bot", "forget": "on"}
    )
    registry.refresh_from_db()
    assert (registry.username, registry.password_encrypted) == ("", "")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"host": ""}, "Enter the registry&#x27;s host."),
        ({"host": "no host"}, "is not a registry&#x27;s host"),
        ({"host": "registry.example.org"}, "This project knows registry.example.org already."),
        ({"host": "x.org", "password": "p"}, "There is a password, but no user name."),
        ({"host": "x.org", "username": "u"}, "There is a user name, but no password."),
    ],
)
def test_what_cannot_be_meant_is_said_at_the_field(
    users: Users, registry: Registry, data: dict[str, str], said: str
) -> None:
    answer = client_of(users.admin).post(f"{LIST}new/", data)
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert Registry.objects.count() == 1


def test_a_refused_form_does_not_repeat_the_password(users: Users) -> None:
    answer = client_of(users.admin).post(
        f"{LIST}new/", {"host": "no host", "username": "u", "password": "hunter2hunter2"}
    )
    assert answer.status_code == 422
    assert "hunter2" not in answer.content.decode()


def test_a_test_shows_every_step_also_those_not_reached(
    users: Users, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = PlainHttpRegistry("It speaks plain HTTP.")
    report = ConnectionReport(
        (Step("DNS", True, "found"), Step("TCP", True, "open"), Step("TLS", False, error.message)),
        False,
        error,
        skipped=("API", "Authentication"),
    )
    monkeypatch.setattr(services, "test_registry", lambda row, by: report)
    client = client_of(users.operator)
    html = client.post(f"{LIST}{registry.pk}/test/").content.decode()
    assert "cannot be used" in html
    assert "mark the registry as insecure" in html
    assert html.count("skipped") == 2
    part = client.post(f"{LIST}{registry.pk}/test/", headers={"HX-Request": "true"}).content.decode()
    assert part.lstrip().startswith("<section")


def test_a_real_test_reaches_a_closed_port(users: Users, project: Project, redis_server: RedisServer) -> None:
    row = Registry.objects.create(project=project, host="127.0.0.1:1", insecure=True)
    html = client_of(users.operator).post(f"{LIST}{row.pk}/test/").content.decode()
    assert "cannot be used" in html
    row.refresh_from_db()
    assert row.check_error
    assert row.checked_at is not None


def test_removal_is_asked_back_first(users: Users, registry: Registry, redis_server: RedisServer) -> None:
    client = client_of(users.admin)
    assert (
        "Images that were pulled from it stay" in client.get(f"{LIST}{registry.pk}/remove/").content.decode()
    )
    assert Registry.objects.exists()
    answer = client.post(f"{LIST}{registry.pk}/remove/", follow=True)
    assert "no longer among the registries" in answer.content.decode()
    assert not Registry.objects.exists()


def test_queries_do_not_grow(
    users: Users, project: Project, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    client = client_of(users.admin)
    Registry.objects.bulk_create(Registry(project=project, host=f"r{n}.org") for n in range(20))
    client.get(LIST)
    with django_assert_max_num_queries(11):
        client.get(LIST)


def test_a_new_registry_has_nothing_to_forget() -> None:
    assert "forget" not in RegistryForm().fields

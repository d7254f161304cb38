"""Registries: who may, what is stored, and where credentials go."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django import Settings

from tests.conftest import Users
from worker import services
from worker.engine.cancel import CancelToken
from worker.engine.errors import Conflict, InvalidInput, NotAllowed, RegistryTimeout
from worker.engine.registry import ConnectionReport, Endpoint
from worker.models import Project, RateLimit, Registry
from worker.models.reach import endpoint_for
from worker.services import registries


def save(project: Project, users: Users, **changes: Any) -> Registry:
    fields = {
        "host": "r.example",
        "insecure": False,
        "username": "u",
        "password": "secret",
        "by": users.admin,
    }
    return services.save_registry(project, **{**fields, **changes})


def test_the_password_is_stored_encrypted_and_reaches_the_endpoint(project: Project, users: Users) -> None:
    registry = save(project, users)
    assert "secret" not in registry.password_encrypted
    credentials = endpoint_for(project, "r.example").credentials
    assert credentials is not None
    assert (credentials.username, credentials.password) == ("u", "secret")


def test_an_unknown_host_is_reached_anonymously_over_tls(project: Project) -> None:
    endpoint = endpoint_for(project, "elsewhere.example")
    assert (endpoint.insecure, endpoint.credentials) == (False, None)
    assert endpoint_for(project, "elsewhere.example", insecure=True).insecure


def test_another_projects_credentials_are_not_used(project: Project, users: Users) -> None:
    save(project, users)
    other = Project.objects.create(slug="other", name="Other")
    assert endpoint_for(other, "r.example").credentials is None


def test_an_insecure_pull_does_not_give_the_credentials_away(project: Project, users: Users) -> None:
    """An operator must not be able to send an admin's password over plain HTTP."""
    save(project, users)
    with pytest.raises(NotAllowed, match="not sent over an insecure connection"):
        endpoint_for(project, "r.example", insecure=True)
    with pytest.raises(NotAllowed):
        services.start_pull(project, "r.example/x", insecure=True, by=users.operator)


def test_an_edit_without_a_password_keeps_it(project: Project, users: Users) -> None:
    registry = save(project, users)
    save(project, users, registry=registry, username="other", password=None)
    credentials = endpoint_for(project, "r.example").credentials
    assert credentials is not None
    assert (credentials.username, credentials.password) == ("other", "secret")


def test_a_password_does_not_move_to_another_host(project: Project, users: Users) -> None:
    registry = save(project, users)
    with pytest.raises(InvalidInput, match="again"):
        save(project, users, registry=registry, host="evil.example", password=None)
    registry.refresh_from_db()
    assert registry.host == "r.example"


def test_no_user_name_means_no_password(project: Project, users: Users) -> None:
    registry = save(project, users)
    save(project, users, registry=registry, username="", password=None)
    assert endpoint_for(project, "r.example").credentials is None
    registry.refresh_from_db()
    assert registry.password_encrypted == ""
    with pytest.raises(InvalidInput):
        save(project, users, host="q.example", username="", password="p")


def test_a_changed_secret_key_is_named(project: Project, users: Users, settings: Settings) -> None:
    save(project, users)
    settings.SECRET_KEY = "another"
    with pytest.raises(Conflict, match="secret key has changed"):
        endpoint_for(project, "r.example")


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("localhost:5000", "localhost:5000"),
        ("https://R.Example/", "r.example"),
        ("index.docker.io", "docker.io"),
        ("docker.io", "docker.io"),
    ],
)
def test_a_host_is_stored_as_references_name_it(project: Project, users: Users, text: str, host: str) -> None:
    assert save(project, users, host=text).host == host


@pytest.mark.parametrize("text", ["", "name", "a b", "r.example/path", "r.example:99999"])
def test_what_is_no_host_is_refused(project: Project, users: Users, text: str) -> None:
    with pytest.raises(InvalidInput):
        save(project, users, host=text)
    assert not Registry.objects.exists()


def test_a_host_is_known_once(project: Project, users: Users) -> None:
    save(project, users)
    with pytest.raises(Conflict):
        save(project, users)


@pytest.mark.parametrize("who", ["viewer", "operator", "stranger"])
def test_only_admins_change_registries(project: Project, users: Users, who: str) -> None:
    registry = save(project, users)
    with pytest.raises(NotAllowed):
        save(project, users, host="q.example", by=getattr(users, who))
    with pytest.raises(NotAllowed):
        services.delete_registry(registry, by=getattr(users, who))


def test_a_test_of_the_connection_is_kept(project: Project, users: Users) -> None:
    registry = save(project, users, host="localhost:1", username="", password=None)
    report = services.test_registry(registry, by=users.operator)
    assert not report.ok
    registry.refresh_from_db()
    assert registry.checked_at is not None
    assert report.error is not None
    assert registry.check_error == report.error.message
    with pytest.raises(NotAllowed):
        services.test_registry(registry, by=users.viewer)


@pytest.mark.parametrize("meanwhile", ["removed", "another host"])
def test_a_test_says_nothing_of_what_was_changed_meanwhile(
    project: Project, users: Users, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    registry = save(project, users, host="localhost:1", username="", password=None)
    try_it = registries.test_connection

    def slowly(endpoint: Endpoint, cancel: CancelToken) -> ConnectionReport:
        row = Registry.objects.get(pk=registry.pk)
        if meanwhile == "removed":
            services.delete_registry(row, by=users.admin)
        else:
            save(project, users, registry=row, host="localhost:2", username="", password=None)
        return try_it(endpoint, cancel)

    monkeypatch.setattr(registries, "test_connection", slowly)
    assert not services.test_registry(registry, by=users.operator).ok
    assert not Registry.objects.exclude(checked_at=None).exists()


def test_a_test_that_does_not_end_is_ended(
    project: Project, users: Users, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forever(endpoint: Endpoint, cancel: CancelToken) -> None:
        cancel.wait(60)

    monkeypatch.setattr(registries, "test_connection", forever)
    monkeypatch.setattr(registries, "_TEST_SECONDS", 0.05)
    registry = save(project, users)
    with pytest.raises(RegistryTimeout):
        services.test_registry(registry, by=users.operator)
    registry.refresh_from_db()
    assert registry.checked_at is None


def test_what_was_granted_to_its_credentials_is_forgotten_with_a_registry(
    project: Project, users: Users
) -> None:
    """Else it would be shown as granted to anybody."""
    registry = save(project, users)
    for host in ("r.example", "s.example"):
        RateLimit.objects.note(project, host, limit=200, remaining=7)
    services.delete_registry(registry, by=users.admin)
    assert [row.host for row in RateLimit.objects.all()] == ["s.example"]


def test_the_allow_list_counts_for_registries_too(project: Project, users: Users, settings: Settings) -> None:
    settings.ALLOWED_REGISTRIES = ["*.example"]
    save(project, users)
    with pytest.raises(NotAllowed, match="may not pull from"):
        save(project, users, host="localhost:5000")

"""Set-up, projects, members and tokens."""

from __future__ import annotations

import contextlib
import threading
from functools import partial

import pytest
from django.contrib.auth.models import User

from tests.conftest import Users
from tests.support.threads import at_once
from worker import services
from worker.engine.errors import Conflict, InvalidInput, NotAllowed, NotFound, StrataError
from worker.models import ApiToken, Membership, Project, Role

GOOD = "correct horse battery"


@pytest.mark.django_db
class TestSetup:
    def test_the_first_administrator_gets_a_project(self) -> None:
        assert services.setup_needed()
        user = services.create_first_admin("ada", GOOD, "Geology")
        assert not services.setup_needed()
        assert user.is_superuser
        project = Project.objects.get()
        assert (project.name, services.role_of(user, project)) == ("Geology", Role.ADMIN)

    def test_there_is_only_one_first_administrator(self) -> None:
        services.create_first_admin("ada", GOOD)
        with pytest.raises(Conflict):
            services.create_first_admin("eve", GOOD)

    def test_an_install_whose_administrator_is_switched_off_is_not_up_for_the_taking(self) -> None:
        user = services.create_first_admin("ada", GOOD)
        user.is_active = False
        user.save()
        with pytest.raises(Conflict):
            services.create_first_admin("eve", GOOD)
        assert not User.objects.filter(username="eve").exists()

    @pytest.mark.parametrize(
        ("username", "password"), [("", GOOD), ("a b", GOOD), ("ada", "short"), ("ada", "12345678")]
    )
    def test_a_weak_password_or_impossible_name_is_refused(self, username: str, password: str) -> None:
        with pytest.raises(InvalidInput):
            services.create_first_admin(username, password)
        assert services.setup_needed()

    def test_a_project_made_by_the_command_line_is_taken_over(self) -> None:
        project = Project.objects.first_or_new()
        user = services.create_first_admin("ada", GOOD)
        assert services.role_of(user, project) is Role.ADMIN


@pytest.mark.django_db(transaction=True)
def test_of_two_who_set_up_at_once_one_wins() -> None:
    def set_up(name: str) -> str:
        try:
            services.create_first_admin(name, GOOD)
        except Conflict:
            return "too late"
        return "made"

    outcomes = at_once([partial(set_up, name) for name in ("ada", "eve")])
    assert sorted(outcomes) == ["made", "too late"]
    assert User.objects.count() == 1


def test_roles(project: Project, users: Users) -> None:
    assert services.role_of(users.viewer, project) is Role.VIEWER
    assert services.role_of(users.superuser, project) is Role.ADMIN
    assert services.role_of(users.stranger, project) is None
    users.admin.is_active = False
    assert services.role_of(users.admin, project) is None


def test_only_an_administrator_makes_projects(project: Project, users: Users) -> None:
    with pytest.raises(NotAllowed):
        services.create_project("New", by=users.admin)
    made = services.create_project("Über Projekt", by=users.superuser)
    assert made.slug == "uber-projekt"
    assert Membership.objects.get(project=made).user == users.superuser


@pytest.mark.parametrize(
    ("name", "slug", "error"),
    [
        ("", "", InvalidInput),
        ("x" * 101, "", InvalidInput),
        ("漢", "", InvalidInput),
        ("N", "A b", InvalidInput),
    ],
)
def test_a_project_needs_a_name_and_an_address(
    users: Users, name: str, slug: str, error: type[StrataError]
) -> None:
    with pytest.raises(error):
        services.create_project(name, slug=slug, by=users.superuser)


def test_an_address_is_taken_once(project: Project, users: Users) -> None:
    with pytest.raises(Conflict):
        services.create_project("Another", slug=project.slug, by=users.superuser)


def test_admins_add_people_who_exist_or_make_them(project: Project, users: Users) -> None:
    membership = services.add_member(project, "stranger", "viewer", by=users.admin)
    assert services.role_of(users.stranger, project) is Role.VIEWER
    new = services.add_member(project, "newcomer", "operator", password=GOOD, by=users.admin)
    assert new.user.check_password(GOOD)
    with pytest.raises(Conflict, match="member already"):
        services.add_member(project, "stranger", "admin", by=users.admin)
    assert membership.role == Role.VIEWER


def test_adding_somebody_never_changes_their_password(project: Project, users: Users) -> None:
    with pytest.raises(Conflict):
        services.add_member(project, "stranger", "viewer", password=GOOD, by=users.admin)
    users.stranger.refresh_from_db()
    assert users.stranger.check_password("password of stranger")


def test_nobody_without_a_password_can_be_made(project: Project, users: Users) -> None:
    with pytest.raises(NotFound):
        services.add_member(project, "nobody", "viewer", by=users.admin)
    with pytest.raises(InvalidInput):
        services.add_member(project, "nobody", "viewer", password="weak", by=users.admin)
    with pytest.raises(InvalidInput, match="role"):
        services.add_member(project, "stranger", "king", by=users.admin)
    assert not User.objects.filter(username="nobody").exists()


@pytest.mark.parametrize("who", ["viewer", "operator", "stranger"])
def test_only_admins_touch_members(project: Project, users: Users, who: str) -> None:
    by = getattr(users, who)
    membership = Membership.objects.get(user=users.viewer)
    with pytest.raises(NotAllowed):
        services.add_member(project, "stranger", "viewer", by=by)
    with pytest.raises(NotAllowed):
        services.change_role(membership, "admin", by=by)
    with pytest.raises(NotAllowed):
        services.remove_member(membership, by=by)


def test_the_last_admin_stays(project: Project, users: Users) -> None:
    membership = Membership.objects.get(user=users.admin)
    with pytest.raises(Conflict):
        services.change_role(membership, "viewer", by=users.admin)
    with pytest.raises(Conflict):
        services.remove_member(membership, by=users.superuser)
    services.change_role(Membership.objects.get(user=users.viewer), "admin", by=users.admin)
    services.remove_member(membership, by=users.admin)
    assert services.role_of(users.admin, project) is None


class TestTokens:
    def test_a_token_acts_as_its_user(self, users: Users) -> None:
        row, token = services.issue_token(users.operator, " ci ")
        assert row.name == "ci"
        assert services.user_of_token(token) == users.operator
        row.refresh_from_db()
        assert row.last_used_at is not None

    def test_the_token_itself_is_not_stored(self, users: Users) -> None:
        _, token = services.issue_token(users.operator, "ci")
        assert token not in repr(list(ApiToken.objects.values()))

    def test_a_wrong_revoked_or_idle_token_acts_as_nobody(self, users: Users) -> None:
        row, token = services.issue_token(users.operator, "ci")
        assert services.user_of_token(token + "x") is None
        assert services.user_of_token("") is None
        users.operator.is_active = False
        users.operator.save()
        assert services.user_of_token(token) is None
        users.operator.is_active = True
        users.operator.save()
        services.revoke_token(row, by=users.operator)
        assert services.user_of_token(token) is None

    def test_others_cannot_revoke_it(self, users: Users) -> None:
        row, token = services.issue_token(users.operator, "ci")
        with pytest.raises(NotAllowed):
            services.revoke_token(row, by=users.admin)
        assert services.user_of_token(token) == users.operator


@pytest.mark.django_db(transaction=True)
def test_of_two_who_make_the_same_user_at_once_one_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    teams = [Project.objects.create(slug=name, name=name) for name in ("one", "two")]
    both_looked = threading.Barrier(2)

    def check(password: str, username: str) -> None:
        # On SQLite they take turns, and never meet here.
        with contextlib.suppress(threading.BrokenBarrierError):
            both_looked.wait(1)

    monkeypatch.setattr("worker.services.projects.check_password", check)

    def add(project: Project) -> str:
        try:
            services.add_member(project, "ada", "viewer", password=GOOD, by=None)
        except Conflict:
            return "told"
        return "made"

    outcomes = at_once([partial(add, project) for project in teams])
    assert sorted(outcomes) == ["made", "told"]

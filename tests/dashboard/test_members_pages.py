"""The pages of members and of new projects."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from pytest_django import DjangoAssertNumQueries

from tests.conftest import Users
from tests.dashboard.doors import assert_door, assert_verbs, client_of, knock
from worker.models import Membership, Project, Role

LIST = "/p/team/members/"


def member(user: User) -> Membership:
    return Membership.objects.get(user=user, project__slug="team")


def test_doors(users: Users) -> None:
    one = f"{LIST}{member(users.viewer).pk}/"
    assert_door(users, "get", LIST, needs=Role.VIEWER)
    assert_door(users, "post", LIST, needs=Role.ADMIN)
    assert_verbs(users.admin, LIST, refused="put delete")
    assert_door(users, "post", one, needs=Role.ADMIN, role="admin")
    assert_verbs(users.admin, one, refused="get put delete")
    for method in ("get", "post"):
        assert_door(users, method, f"{one}remove/", needs=Role.ADMIN)
    assert_verbs(users.admin, f"{one}remove/", refused="put delete")
    assert member(users.viewer).role == Role.VIEWER


def test_members_see_each_other_and_only_admins_see_the_forms(users: Users) -> None:
    seen = client_of(users.viewer).get(LIST).content.decode()
    assert all(name in seen for name in ("viewer", "operator", "admin"))
    assert "Add a member" not in seen
    assert "<select" not in seen
    assert "Add a member" in client_of(users.admin).get(LIST).content.decode()


def test_an_existing_user_is_added(users: Users) -> None:
    answer = client_of(users.admin).post(LIST, {"username": "stranger", "role": "operator"}, follow=True)
    assert "stranger is now operator of Team." in answer.content.decode()
    assert member(users.stranger).role == Role.OPERATOR


def test_a_new_user_is_made_with_a_password(users: Users) -> None:
    client_of(users.admin).post(
        LIST, {"username": "newcomer", "role": "viewer", "password": "correct horse battery"}
    )
    made = User.objects.get(username="newcomer")
    assert made.check_password("correct horse battery")
    assert member(made).role == Role.VIEWER


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"username": "", "role": "viewer"}, "Enter a user name."),
        ({"username": "nobody", "role": "viewer"}, "Give a password to make this user."),
        ({"username": "viewer", "role": "viewer"}, "viewer is a member already."),
        ({"username": "stranger", "role": "king"}, "id_role_error"),
        ({"username": "fresh", "role": "viewer", "password": "12345"}, "id_password_error"),
    ],
)
def test_what_cannot_be_meant_is_said_at_the_field(users: Users, data: dict[str, str], said: str) -> None:
    answer = client_of(users.admin).post(LIST, data)
    html = answer.content.decode()
    assert answer.status_code == 422
    assert said in html
    assert "12345" not in html
    assert Membership.objects.count() == 3


def test_a_role_is_changed(users: Users) -> None:
    client_of(users.admin).post(f"{LIST}{member(users.viewer).pk}/", {"role": "operator"})
    assert member(users.viewer).role == Role.OPERATOR


@pytest.mark.parametrize("role", ["viewer", "king", ""])
def test_the_last_admin_stays_and_a_role_must_exist(users: Users, role: str) -> None:
    answer = client_of(users.admin).post(f"{LIST}{member(users.admin).pk}/", {"role": role}, follow=True)
    assert 'class="notice error"' in answer.content.decode()
    assert member(users.admin).role == Role.ADMIN


def test_removal_is_asked_back_first(users: Users) -> None:
    one = f"{LIST}{member(users.viewer).pk}/remove/"
    client = client_of(users.admin)
    assert "no longer sees this project" in client.get(one).content.decode()
    assert Membership.objects.filter(user=users.viewer).exists()
    client.post(one)
    assert not Membership.objects.filter(user=users.viewer).exists()
    assert User.objects.filter(pk=users.viewer.pk).exists()


def test_the_last_admin_is_not_removed(users: Users) -> None:
    answer = client_of(users.admin).post(f"{LIST}{member(users.admin).pk}/remove/", follow=True)
    assert "only admin" in answer.content.decode()
    assert Membership.objects.filter(user=users.admin).exists()


def test_an_admin_who_leaves_is_led_out(users: Users) -> None:
    Membership.objects.filter(user=users.operator).update(role=Role.ADMIN)
    answer = client_of(users.admin).post(f"{LIST}{member(users.admin).pk}/remove/")
    assert answer["Location"] == "/"


def test_another_projects_member_is_not_found(users: Users) -> None:
    other = Project.objects.create(slug="other", name="Other")
    row = Membership.objects.create(project=other, user=users.stranger, role=Role.ADMIN)
    client = client_of(users.admin)
    assert client.post(f"{LIST}{row.pk}/", {"role": "viewer"}).status_code == 404
    assert client.post(f"{LIST}{row.pk}/remove/").status_code == 404


def test_projects_are_made_by_administrators_only(users: Users) -> None:
    assert "/sign-in/" in knock(None, "get", "/projects/new/")["Location"]
    for method in ("get", "post"):
        assert knock(users.admin, method, "/projects/new/", name="Mine").status_code == 403
    assert_verbs(users.superuser, "/projects/new/", refused="put delete")
    client = client_of(users.superuser)
    assert client.get("/projects/new/").status_code == 200
    answer = client.post("/projects/new/", {"name": "Platform team"})
    assert answer["Location"] == "/p/platform-team/"
    made = Project.objects.get(slug="platform-team")
    assert Membership.objects.get(project=made).user == users.superuser


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"name": ""}, "id_name_error"),
        ({"name": "Team", "slug": "team"}, "There is a project at team already."),
        ({"name": "漢字"}, "cannot be an address"),
        ({"name": "X", "slug": "Not A Slug"}, "cannot be an address"),
    ],
)
def test_a_project_that_cannot_be_is_refused(users: Users, data: dict[str, str], said: str) -> None:
    answer = client_of(users.superuser).post("/projects/new/", data)
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert Project.objects.count() == 1


def test_queries_do_not_grow(users: Users, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    project = Project.objects.get(slug="team")
    for number in range(20):
        Membership.objects.create(project=project, user=User.objects.create_user(f"u{number}"))
    client = client_of(users.admin)
    client.get(LIST)
    with django_assert_max_num_queries(12):
        client.get(LIST)

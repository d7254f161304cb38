"""Who gets where; and what those see who do not."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.test import Client, RequestFactory

from dashboard.access import Request, SignInNeeded, get_project, last_project
from tests.conftest import Users
from tests.dashboard.doors import client_of
from worker.engine.errors import NotAllowed, NotFound
from worker.models import Project, Role


def request_of(user: object) -> Request:
    request = RequestFactory().get("/")
    request.user = user  # type: ignore[assignment]
    request.session = {}  # type: ignore[assignment]
    return request  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("name", "role"),
    [("viewer", Role.VIEWER), ("operator", Role.OPERATOR), ("admin", Role.ADMIN), ("superuser", Role.ADMIN)],
)
def test_members_get_in_with_their_role(users: Users, project: Project, name: str, role: Role) -> None:
    request = request_of(getattr(users, name))
    assert get_project(request, "team") == project
    assert (request.project, request.role) == (project, role)
    assert request.session["project"] == "team"


@pytest.mark.parametrize("slug", ["team", "no-such-project"])
def test_for_a_stranger_a_project_does_not_exist(users: Users, slug: str) -> None:
    with pytest.raises(NotFound):
        get_project(request_of(users.stranger), slug)


@pytest.mark.parametrize(
    ("name", "needed"), [("viewer", Role.OPERATOR), ("viewer", Role.ADMIN), ("operator", Role.ADMIN)]
)
def test_too_low_a_role_is_told_which_one_is_needed(users: Users, name: str, needed: Role) -> None:
    with pytest.raises(NotAllowed, match=needed.value):
        get_project(request_of(getattr(users, name)), "team", needed)


def test_nobody_is_asked_to_sign_in(project: Project) -> None:
    with pytest.raises(SignInNeeded):
        get_project(request_of(AnonymousUser()), "team")


def test_the_last_project_is_forgotten_with_the_membership(users: Users, project: Project) -> None:
    request = request_of(users.viewer)
    request.session["project"] = "team"
    assert last_project(request) == (project, Role.VIEWER)
    users.viewer.memberships.all().delete()
    assert last_project(request) == (None, None)


PAGES = ["", "images/", "layers/"]


@pytest.mark.parametrize("page", PAGES)
def test_an_anonymous_visitor_is_led_to_sign_in_and_back(users: Users, client: Client, page: str) -> None:
    response = client.get(f"/p/team/{page}?q=x")
    assert response.status_code == 302
    assert response["Location"] == f"/sign-in/?next=%2Fp%2Fteam%2F{page.replace('/', '%2F')}%3Fq%3Dx"


@pytest.mark.parametrize("page", PAGES)
def test_an_anonymous_part_of_a_page_becomes_a_whole_sign_in_page(
    users: Users, client: Client, page: str
) -> None:
    response = client.get(f"/p/team/{page}", headers={"HX-Request": "true"})
    assert (response.status_code, response["HX-Redirect"]) == (204, "/sign-in/")


@pytest.mark.parametrize("page", PAGES)
def test_a_stranger_finds_nothing(users: Users, page: str) -> None:
    assert client_of(users.stranger).get(f"/p/team/{page}").status_code == 404


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("name", ["viewer", "operator", "admin", "superuser"])
def test_members_see_the_pages(users: Users, page: str, name: str) -> None:
    assert client_of(getattr(users, name)).get(f"/p/team/{page}").status_code == 200


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("verb", ["post", "put", "delete", "patch"])
def test_pages_are_only_read(users: Users, page: str, verb: str) -> None:
    assert getattr(client_of(users.admin), verb)(f"/p/team/{page}").status_code == 405


def test_only_who_may_pull_is_offered_it(users: Users) -> None:
    assert b"/p/team/pull/" in client_of(users.operator).get("/p/team/images/").content
    assert b"/p/team/pull/" not in client_of(users.viewer).get("/p/team/images/").content


def test_a_switched_off_account_is_signed_out(users: Users) -> None:
    client = client_of(users.viewer)
    User.objects.filter(pk=users.viewer.pk).update(is_active=False)
    assert client.get("/p/team/").status_code == 302

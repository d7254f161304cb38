"""Who may see or do what. A view's first line calls one of these; nothing else decides.

A project that one does not belong to does not exist for that person (404), so that names cannot be probed.
"""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from worker.engine.errors import NotAllowed, NotFound
from worker.models import Project, Role
from worker.services import require_install_admin, role_of

LAST_PROJECT = "project"


class Request(HttpRequest):
    """A request as our views see it: htmx's facts, and the project once ``get_project`` has let it in."""

    htmx: HtmxDetails
    project: Project
    role: Role


class SignInNeeded(Exception):
    """Nobody is signed in; the middleware leads to the sign-in page and back."""


def signed_in(request: HttpRequest) -> User:
    """Return who is signed in.

    Raises:
        SignInNeeded: nobody is.
    """
    if not isinstance(request.user, User):
        raise SignInNeeded
    return request.user


def install_admin(request: HttpRequest) -> User:
    """Return who is signed in, if that is an administrator of this install.

    Raises:
        SignInNeeded: nobody is signed in.
        NotAllowed: somebody else is.
    """
    user = signed_in(request)
    require_install_admin(user)
    return user


def get_project(request: Request, slug: str, role: Role = Role.VIEWER) -> Project:
    """Return the project that ``slug`` names, for someone who has at least ``role`` in it.

    Also notes it on the request (``project`` and ``role``), for the frame, and in the session, so that short
    addresses lead to it.

    Raises:
        SignInNeeded: nobody is signed in.
        NotFound: no such project, or one that the person does not belong to.
        NotAllowed: the person's role is below ``role``.
    """
    user = signed_in(request)
    project = Project.objects.filter(slug=slug).first()
    actual = role_of(user, project) if project else None
    if project is None or actual is None:
        raise NotFound(
            f"There is no project “{slug}” that you belong to.", hint="Choose one of your projects."
        )
    request.project, request.role = project, actual
    if request.session.get(LAST_PROJECT) != project.slug:
        request.session[LAST_PROJECT] = project.slug
    if not actual.covers(role):
        raise NotAllowed(f"This needs the role {role.value} in {project.name}; you are {actual.value}.")
    return project


def projects_of(user: User) -> QuerySet[Project]:
    """Return the projects that ``user`` may see, by name."""
    rows = Project.objects.all() if user.is_superuser else Project.objects.filter(memberships__user=user)
    return rows.order_by("name", "id")


def last_project(request: HttpRequest) -> tuple[Project | None, Role | None]:
    """Return the project used last, or else the first of one's projects, and one's role in it."""
    user = getattr(request, "user", None)
    if not isinstance(user, User):
        return None, None
    slug = request.session.get(LAST_PROJECT, "")
    projects = list(projects_of(user))
    project = next((one for one in projects if one.slug == slug), projects[0] if projects else None)
    return project, role_of(user, project) if project else None

"""Who may do what in a project."""

from __future__ import annotations

from django.contrib.auth.models import User

from worker.engine.errors import NotAllowed
from worker.models import Membership, Project, Role


def role_of(user: User, project: Project) -> Role | None:
    """Return the user's role in ``project``; None for a stranger. A superuser is an admin everywhere."""
    if not user.is_active:
        return None
    if user.is_superuser:
        return Role.ADMIN
    role = Membership.objects.filter(project=project, user=user).values_list("role", flat=True).first()
    return Role(role) if role else None


def require(by: User | None, project: Project, role: Role) -> None:
    """Raise NotAllowed unless ``by`` has ``role`` in ``project``. None is the system itself, which may."""
    if by is None:
        return
    actual = role_of(by, project)
    if actual is None:
        raise NotAllowed(
            f"You are not a member of the project {project}.", hint="Ask one of its admins to add you."
        )
    if not actual.covers(role):
        raise NotAllowed(
            f"This needs the role {role.value}; in the project {project} you are {actual.value}."
        )


def require_install_admin(by: User | None) -> None:
    """Raise NotAllowed unless ``by`` administers this install. None is the system itself, which may."""
    if by is not None and not (by.is_active and by.is_superuser):
        raise NotAllowed(
            "Only an administrator of this install may do this: it concerns all projects.",
            hint="Ask an administrator of this install.",
        )


def creator(by: User | None) -> User | None:
    """Return whom a new row is created by."""
    return by if by is not None and by.pk else None

"""The first administrator and the first project."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction

from worker.engine.errors import Conflict
from worker.models import Membership, Project, Role
from worker.services.people import check_password, check_username


def setup_needed() -> bool:
    """Whether nobody administers this install yet.

    An administrator who is switched off counts: or the next visitor could take over the install.
    """
    return not User.objects.filter(is_superuser=True).exists()


def create_first_admin(username: str, password: str, project_name: str = "Default") -> User:
    """Make the administrator of a new install, as admin of its first project.

    Raises:
        InvalidInput: the name or the password will not do.
        Conflict: there is an administrator already.
    """
    check_username(username)
    check_password(password, username)
    return appoint_first_admin(username, password, project_name)


def appoint_first_admin(username: str, password: str, project_name: str = "Default") -> User:
    """As :func:`create_first_admin`, but take the password as it is: who sets up the machine decides."""
    with transaction.atomic():
        project = Project.objects.first_or_new(project_name)
        # Of two that set up at the same time, one waits here and then finds it done.
        Project.objects.select_for_update().get(pk=project.pk)
        if not setup_needed():
            raise Conflict("This install has an administrator already.", hint="Sign in instead.")
        if User.objects.filter(username=username).exists():
            raise Conflict(f"There is a user {username} already.", hint="Choose another name.")
        user = User.objects.create_superuser(username, password=password)
        Membership.objects.create(project=project, user=user, role=Role.ADMIN)
    return user

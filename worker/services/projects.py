"""Projects and their members."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils.text import slugify

from worker.engine.errors import Conflict, InvalidInput, NotAllowed, NotFound
from worker.models import Membership, Project, Role
from worker.services.access import require
from worker.services.people import check_password, check_username


def create_project(name: str, *, slug: str = "", by: User | None) -> Project:
    """Make a project with ``by`` as its first admin.

    Raises:
        NotAllowed: ``by`` does not administer this install.
        InvalidInput: the name is empty or too long, or no address can be made of it.
        Conflict: the address (slug) is taken.
    """
    if by is not None and not (by.is_active and by.is_superuser):
        raise NotAllowed(
            "Only an administrator may create projects.", hint="Ask an administrator of this install."
        )
    name = name.strip()
    if not 1 <= len(name) <= 100:
        raise InvalidInput("A project's name has 1 to 100 characters.")
    slug = slug.strip() or slugify(name)[:50].strip("-")
    if not slug or slug != slugify(slug) or len(slug) > 50:
        raise InvalidInput(
            f"{slug or name!r} cannot be an address.", hint="Use up to 50 small letters, digits and dashes."
        )
    try:
        with transaction.atomic():
            project = Project.objects.create(name=name, slug=slug)
            if by is not None:
                Membership.objects.create(project=project, user=by, role=Role.ADMIN)
    except IntegrityError as error:
        raise Conflict(f"There is a project at {slug} already.", hint="Choose another address.") from error
    return project


def add_member(
    project: Project, username: str, role: str, *, password: str | None = None, by: User | None
) -> Membership:
    """Let ``username`` into ``project``; with a ``password``, make that user first.

    Raises:
        NotAllowed: ``by`` is not an admin of the project.
        NotFound: there is no such user, and no password to make one with.
        Conflict: already a member; or the user exists and a password was given.
        InvalidInput: the role, name or password will not do.
    """
    require(by, project, Role.ADMIN)
    known_role, username = _role(role), username.strip()
    with transaction.atomic():
        user = User.objects.filter(username=username).first()
        if user is not None and password:
            raise Conflict(
                f"There is a user {username} already.", hint="Leave the password empty to add that user."
            )
        if user is None:
            if not password:
                raise NotFound(f"There is no user {username}.", hint="Give a password to make this user.")
            check_username(username)
            check_password(password, username)
            user = _new_user(username, password)
        membership, created = Membership.objects.get_or_create(
            project=project, user=user, defaults={"role": known_role}
        )
        if not created:
            raise Conflict(f"{username} is a member already.", hint="Change the role in the list instead.")
    return membership


def change_role(membership: Membership, role: str, *, by: User | None) -> Membership:
    """Give a member another role.

    Raises:
        NotAllowed: ``by`` is not an admin of the project.
        Conflict: it would leave the project without an admin.
        InvalidInput: there is no such role.
    """
    require(by, membership.project, Role.ADMIN)
    known_role = _role(role)
    with transaction.atomic():
        if known_role is not Role.ADMIN:
            _keep_an_admin(membership)
        membership.role = known_role
        membership.save(update_fields=["role"])
    return membership


def remove_member(membership: Membership, *, by: User | None) -> None:
    """End a membership; the user and what they made stay.

    Raises:
        NotAllowed: ``by`` is not an admin of the project.
        Conflict: it would leave the project without an admin.
    """
    require(by, membership.project, Role.ADMIN)
    with transaction.atomic():
        _keep_an_admin(membership)
        membership.delete()


def _new_user(username: str, password: str) -> User:
    try:
        with transaction.atomic():
            return User.objects.create_user(username, password=password)
    except IntegrityError as error:
        # Somebody else has just made that user; whose password it is, only they know.
        raise Conflict(
            f"There is a user {username} already.", hint="Leave the password empty to add that user."
        ) from error


def _role(name: str) -> Role:
    try:
        return Role(name)
    except ValueError as error:
        raise InvalidInput(
            f"There is no role {name!r}.", hint=f"Choose one of {', '.join(Role.values)}."
        ) from error


def _keep_an_admin(membership: Membership) -> None:
    # The lock makes two admins who demote each other at the same time take turns.
    Project.objects.select_for_update().get(pk=membership.project_id)
    others = Membership.objects.filter(project=membership.project_id, role=Role.ADMIN, user__is_active=True)
    if membership.role == Role.ADMIN and not others.exclude(pk=membership.pk).exists():
        raise Conflict(
            f"{membership.user} is the project's only admin.", hint="Make somebody else an admin first."
        )

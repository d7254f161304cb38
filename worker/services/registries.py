"""Registries of a project: where they are, and as whom they are reached."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from worker.engine.errors import Conflict, InvalidInput, InvalidReference
from worker.engine.oci import Reference
from worker.engine.registry import ConnectionReport, test_connection
from worker.models import Project, Registry, Role
from worker.models.limits import require_allowed
from worker.models.reach import endpoint_of
from worker.models.secret import encrypt
from worker.progress import announce
from worker.services.access import require


def save_registry(
    project: Project,
    *,
    host: str,
    insecure: bool,
    username: str,
    password: str | None,
    by: User | None,
    registry: Registry | None = None,
) -> Registry:
    """Add a registry, or change ``registry``.

    Args:
        password: None (or empty, while a user name is given) keeps the stored one; it is never shown.

    Raises:
        NotAllowed: ``by`` is not an admin of the project, or the host is not on the allow-list.
        InvalidInput: the host is no host name, or there is a password without a user name.
        Conflict: the project has a row for this host already.
    """
    require(by, project, Role.ADMIN)
    row = registry or Registry(project=project)
    old_host = row.host
    row.host = _host(host)
    require_allowed(row.host)
    row.insecure = insecure
    row.username = username.strip()
    if not row.username:
        if password:
            raise InvalidInput("There is a password, but no user name.")
        row.password_encrypted = ""
    elif password:
        row.password_encrypted = encrypt(password)
    elif old_host and old_host != row.host and row.password_encrypted:
        # Or an edited row would carry a stored password to another host.
        raise InvalidInput("Enter the password again: the host has changed.")
    row.checked_at, row.check_error = None, ""
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        raise Conflict(
            f"This project knows {row.host} already.", hint="Edit the one that is there."
        ) from error
    announce(project.pk, "registries")
    return row


def delete_registry(registry: Registry, *, by: User | None) -> None:
    """Forget a registry and its credentials; images stay. Raises NotAllowed."""
    require(by, registry.project, Role.ADMIN)
    registry.delete()
    announce(registry.project_id, "registries")


def test_registry(registry: Registry, *, by: User | None) -> ConnectionReport:
    """Try to reach a registry, step by step; the outcome is kept on the row.

    Raises:
        NotAllowed: ``by`` is not an operator of the project.
        Conflict: the stored password cannot be decrypted.
    """
    require(by, registry.project, Role.OPERATOR)
    require_allowed(registry.host)
    report = test_connection(endpoint_of(registry))
    registry.checked_at = timezone.now()
    registry.check_error = report.error.message if report.error is not None else ""
    registry.save(update_fields=["checked_at", "check_error"])
    announce(registry.project_id, "registries")
    return report


def _host(text: str) -> str:
    host = text.strip().removeprefix("https://").removeprefix("http://").rstrip("/")
    try:
        parsed = Reference.parse(f"{host}/x/y")
    except InvalidReference as error:
        raise InvalidInput(
            f"{text.strip()!r} is not a registry's host.", hint="Write host or host:port, as in a reference."
        ) from error
    # By Docker's rules a first word without a dot or port is no host, but part of docker.io's repository.
    if parsed.repository != "x/y":
        raise InvalidInput(
            f"{text.strip()!r} is not a registry's host.",
            hint="A host has a dot or a port, or is localhost; other names are Docker Hub's.",
        )
    return parsed.registry

"""Registries of a project: where they are, and as whom they are reached."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from worker.engine.errors import Conflict, NotAllowed
from worker.engine.registry import ConnectionReport, test_connection
from worker.engine.registry.patience import impatient, within_reason
from worker.models import Project, RateLimit, Registry, Role
from worker.models.limits import require_allowed
from worker.models.reach import endpoint_of
from worker.progress import announce
from worker.services.access import require
from worker.services.registry_changes import (
    RegistryOptions,
    set_credentials,
    set_mirrors_and_caps,
    set_proxy,
    set_trust,
    way_of,
)
from worker.services.registry_options import at, registry_host

# A person waits. Each step has a time limit of its own; but an answer that trickles outlasts them.
_TEST_SECONDS = 60.0


def save_registry(
    project: Project,
    *,
    host: str,
    insecure: bool,
    username: str,
    password: str | None,
    by: User | None,
    registry: Registry | None = None,
    given: RegistryOptions | None = None,
) -> Registry:
    """Add a registry, or change ``registry``.

    Args:
        password: None (or empty, while a user name is given) keeps the stored one; it is never shown.
        given: everything else.

    Raises:
        NotAllowed: ``by`` is not an admin of the project; or none of the install where one is needed, as for
            all that concerns Docker's config.json; or the host or a mirror is not on the allow-list.
        InvalidInput: something cannot be meant; its ``field`` says which argument.
        Conflict: the project has a row for this host already, or a stored key cannot be decrypted.
    """
    require(by, project, Role.ADMIN)
    row, given = registry or Registry(project=project), given or RegistryOptions()
    old_host, old_way, needed_owner = row.host, way_of(row), row.uses_docker_config
    row.host = at("host", lambda: registry_host(host))
    require_allowed(row.host)
    row.insecure = insecure
    set_proxy(row, given)
    moved = bool(old_host) and old_way != way_of(row)
    set_credentials(row, username, password, given.credential_source, moved=moved)
    if needed_owner or row.uses_docker_config:
        at("credential_source", lambda: _require_owner_of_docker_config(by))
    set_trust(row, given, moved=moved)
    set_mirrors_and_caps(row, given)
    row.checked_at, row.check_error = None, ""
    try:
        with transaction.atomic():
            row.save()
            # What was said was said to somebody else.
            RateLimit.objects.filter(project=project, host__in={row.host, old_host}).delete()
    except IntegrityError as error:
        raise Conflict(
            f"This project knows {row.host} already.", hint="Edit the one that is there."
        ) from error
    announce(project.pk, "registries")
    return row


def delete_registry(registry: Registry, *, by: User | None) -> None:
    """Forget a registry and its credentials; images stay. Raises NotAllowed."""
    require(by, registry.project, Role.ADMIN)
    with transaction.atomic():
        registry.delete()
        # It was granted to these credentials; from now on somebody else is counted.
        RateLimit.objects.filter(project=registry.project_id, host=registry.host).delete()
    announce(registry.project_id, "registries")


def test_registry(registry: Registry, *, by: User | None) -> ConnectionReport:
    """Try to reach a registry and its mirrors, step by step; the outcome is kept on the row.

    Raises:
        NotAllowed: ``by`` is no operator of the project; or the host or a mirror is not on the allow-list.
        Conflict: a stored secret cannot be decrypted, or there is no Docker config.json where one is wanted.
        RegistryTimeout: it takes longer than a minute; nothing is kept then.
    """
    require(by, registry.project, Role.OPERATOR)
    require_allowed(registry.host)
    endpoint = impatient(endpoint_of(registry), in_turn=False)
    with within_reason(endpoint, _TEST_SECONDS, "It answers, but hardly: see what is in between.") as cancel:
        report = test_connection(endpoint, cancel)
    registry.checked_at, registry.check_error = timezone.now(), _what_is_wrong(report)
    # Somebody may have removed the row meanwhile, or made it lead elsewhere.
    Registry.objects.filter(pk=registry.pk, host=registry.host).update(
        checked_at=registry.checked_at, check_error=registry.check_error
    )
    announce(registry.project_id, "registries")
    return report


def _require_owner_of_docker_config(by: User | None) -> None:
    """Docker's config.json is the install's, not the project's.

    Who decides on the row decides where its credentials are sent: on the proxy, and on whom to trust.
    """
    if by is not None and not by.is_superuser:
        raise NotAllowed(
            "Only an administrator of this install decides on registries with Docker's credentials.",
            hint="Type a user name and password instead, or ask an administrator.",
        )


def _what_is_wrong(report: ConnectionReport) -> str:
    if report.error is not None:
        return report.error.message
    failed = next((mirror for mirror in report.mirrors if mirror.error is not None), None)
    if failed is None or failed.error is None:
        return ""
    return f"The mirror {failed.host}: {failed.error.message}"

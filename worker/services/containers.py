"""Containers: the row is written here, the node that holds the container does the rest."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from worker.engine.containers import Change, Containers, LogLine
from worker.engine.errors import Conflict, ContainerStateError, InvalidInput, LayerMissing, NotFound
from worker.engine.store import Store
from worker.models import (
    ACTIVE_STATES,
    AT_REST_STATES,
    Container,
    ContainerState,
    Image,
    Job,
    JobKind,
    Project,
    Role,
)
from worker.progress import announce
from worker.services.access import creator, require
from worker.services.names import free_name
from worker.tasks.dispatch import submit

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}")


def create_container(
    project: Project,
    image: Image,
    *,
    name: str = "",
    command: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    start: bool = True,
    by: User | None,
) -> tuple[Container, Job]:
    """Queue the creation of a container, and by default its start.

    Args:
        name: unique in the project; empty for one that is made up.
        command: replaces the image's command; empty for the image's own.
        env: replaces or adds variables.

    Raises:
        NotAllowed: ``by`` is not an operator of the project.
        NotFound: the image belongs to another project.
        LayerMissing: the image is not extracted.
        InvalidInput: the name, command or a variable will not do.
        Conflict: the name is taken.
    """
    require(by, project, Role.OPERATOR)
    if image.project_id != project.pk:
        raise NotFound("There is no such image in this project.")
    if not image.extracted:
        raise LayerMissing("This image was fetched only; its layers are not extracted yet.")
    name = name.strip() or free_name(project)
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            f"{name!r} cannot be a container's name.",
            hint="Use up to 63 letters, digits, dots, dashes and underscores; begin with a letter or digit.",
        )
    try:
        with transaction.atomic():
            container = Container.objects.create(
                project=project,
                image=image,
                name=name,
                command=_command(command),
                env=_env(env or {}),
                node=settings.NODE,
                created_by=creator(by),
            )
            job = _submit(container, "create", by, start=start)
    except IntegrityError as error:
        raise Conflict(f"There is a container {name} already.", hint="Choose another name.") from error
    return container, job


def start_container(container: Container, *, by: User | None) -> Job:
    """Queue the start of a container that does not run. Raises NotAllowed, ContainerStateError, Conflict."""
    return _act(container, "start", AT_REST_STATES, by)


def stop_container(container: Container, *, by: User | None) -> Job:
    """Queue the end of a running container. Raises NotAllowed, ContainerStateError, Conflict."""
    return _act(container, "stop", (ContainerState.RUNNING,), by)


def remove_container(container: Container, *, by: User | None) -> Job:
    """Queue the removal of a container with all that it wrote; one that runs is ended first.

    Raises:
        NotAllowed: ``by`` is not an operator of the project.
        ContainerStateError: it is being removed already.
        Conflict: another of its jobs has not ended yet.
    """
    return _act(
        container,
        "remove",
        (*AT_REST_STATES, ContainerState.RUNNING, ContainerState.FAILED, ContainerState.REMOVING),
        by,
    )


def container_log(container: Container) -> list[LogLine]:
    """Return the end of what the container wrote to stdout and stderr; nothing if it never ran."""
    try:
        return _engine().log(str(container.runtime_id))
    except NotFound:
        return []


def container_changes(container: Container) -> list[Change]:
    """Return what the container added, changed and removed on top of its image.

    Raises:
        LayerMissing: a layer that it stands on is not extracted any more.
    """
    try:
        return _engine().changes(str(container.runtime_id))
    except NotFound:
        return []


def _act(container: Container, action: str, states: tuple[ContainerState, ...], by: User | None) -> Job:
    require(by, container.project, Role.OPERATOR)
    with transaction.atomic():
        # The lock makes two clicks at the same time take turns: the second one sees the first one's job.
        locked = Container.objects.select_for_update().filter(pk=container.pk).first()
        if locked is None:
            raise NotFound("There is no such container any more.")
        if locked.state not in states:
            raise ContainerStateError(
                f"You cannot {action} the container {locked.name} now: it is {locked.state}."
            )
        if locked.jobs.filter(state__in=ACTIVE_STATES).exists():
            raise Conflict(
                f"Another job of the container {locked.name} has not ended yet.", hint="Wait for it."
            )
        return _submit(locked, action, by)


def _submit(container: Container, action: str, by: User | None, **arguments: bool) -> Job:
    job = submit(
        container.project,
        JobKind.CONTAINER,
        reference=container.name,
        arguments={"action": action, **arguments},
        container=container,
        created_by=creator(by),
    )
    transaction.on_commit(lambda: announce(container.project_id, "containers"))
    return job


def _engine() -> Containers:
    return Containers(Store(settings.STORE_DIR))


def _command(command: Sequence[str]) -> list[str]:
    words = list(command)
    if any("\0" in word for word in words):
        raise InvalidInput("A command cannot hold a NUL character.")
    if words and not words[0]:
        raise InvalidInput("The command begins with an empty word.")
    return words


def _env(env: Mapping[str, str]) -> dict[str, str]:
    for key, value in env.items():
        if not key or "=" in key or "\0" in key + value:
            raise InvalidInput(f"{key!r} cannot be a variable.", hint="Write variables as NAME=value.")
    return dict(env)

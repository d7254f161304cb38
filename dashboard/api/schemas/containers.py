"""Containers."""

from __future__ import annotations

import shlex
from datetime import datetime

from ninja import Field, Schema
from pydantic import field_validator

from dashboard.api.schemas.common import Bytes, Input, ProjectSlug
from worker.models import Container, ContainerState, Job


class ContainerIn(Input):
    """A container to create on an image.

    ``image`` is its id, its digest, or a reference that one of the project's tags bears. ``command`` is a
    list of words, or a line that is split as a shell would; empty: the image's own. Without a ``name`` it
    gets one. ``start`` false: created, not started.
    """

    image: int | str
    name: str | None = Field(None, max_length=63)
    command: list[str] | str | None = None
    env: dict[str, str] | None = None
    start: bool = True
    project: ProjectSlug = None

    @field_validator("command")
    @classmethod
    def split(cls, command: list[str] | str | None) -> list[str] | None:
        """Return the words of a command line; what is no line at all (an open quote) is refused."""
        try:
            return shlex.split(command) if isinstance(command, str) else command
        except ValueError as error:
            raise ValueError(f"{str(error).lower()}; write it as a list of words") from error


class ContainerOut(Schema):
    """A container. ``exit_code`` is of its last run; ``job`` is the id of the job that this call started.

    The values of ``env`` may be secret: a viewer gets null for each.
    """

    id: int
    project: str
    name: str
    image: int
    runtime_id: str
    command: list[str]
    env: dict[str, str | None]
    node: str
    state: ContainerState
    exit_code: int | None
    error_message: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    job: int | None

    @classmethod
    def of(cls, container: Container, job: Job | None = None, *, with_values: bool = True) -> ContainerOut:
        """Return ``container``, with the values of its variables or their names alone.

        Its project should be loaded already.
        """
        return cls(
            id=container.pk,
            project=container.project.slug,
            name=container.name,
            image=container.image_id,
            runtime_id=str(container.runtime_id),
            command=container.command,
            env={name: value if with_values else None for name, value in container.env.items()},
            node=container.node,
            state=ContainerState(container.state),
            exit_code=container.exit_code,
            error_message=container.error_message,
            created_at=container.created_at,
            started_at=container.started_at,
            finished_at=container.finished_at,
            job=job.pk if job else None,
        )


class LogLineOut(Schema):
    """One line of output; ``stream`` is stdout or stderr."""

    at: datetime
    stream: str
    text: str


class LogOut(Schema):
    """The end of a container's output, oldest line first."""

    lines: list[LogLineOut]


class ChangeOut(Schema):
    """One path that the container added, changed or removed."""

    path: str
    kind: str
    type: str
    size: Bytes


class ChangesOut(Schema):
    """What the container changed on top of its image."""

    items: list[ChangeOut]

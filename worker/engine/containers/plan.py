"""What a caller says about a container, and what he is told."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from worker.engine.errors import InvalidInput, RuntimeFailure
from worker.engine.oci import Digest, ImageConfig

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_HOSTNAME = re.compile(r"(?=.{1,63}\Z)[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")

State = Literal["created", "running", "stopped", "missing"]


@dataclass(frozen=True, slots=True)
class ContainerPlan:
    """A container to be.

    Attributes:
        id: Its name in the store and for the runtime: up to 64 letters, digits, ``_``, ``.`` and ``-``.
        config: The image's config.
        diff_ids: The image's layers, base first.
        command: Replaces the image's ``Cmd``; empty means the image's own.
        env: Adds to the image's variables, or replaces them.
        hostname: Empty means the first twelve characters of the id.

    Raises:
        InvalidInput: the id, the hostname, the command or a variable can not be meant.
        RuntimeFailure: the image's config holds what no process can be given.
    """

    id: str
    config: ImageConfig
    diff_ids: tuple[Digest, ...]
    command: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict, hash=False)
    hostname: str = ""

    def __post_init__(self) -> None:
        check_id(self.id)
        if self.hostname and not _HOSTNAME.fullmatch(self.hostname):
            raise InvalidInput(
                f"“{self.hostname}” is not a hostname.",
                hint="Use up to 63 letters, digits, dots and hyphens.",
            )
        if not all(map(_can_be_given, self.command)):
            raise InvalidInput("The command holds characters that no program can be given.")
        for name, value in self.env.items():
            if not name or "=" in name or not _can_be_given(name + value):
                raise InvalidInput(
                    f"{name!r} is not a variable's name, or its value holds characters that none can hold.",
                    hint="A variable is NAME=value, with no = in its name.",
                )
        config = self.config
        said = (*config.entrypoint, *config.cmd, *config.env, config.user, config.working_dir)
        if not all(map(_can_be_given, said)):
            raise RuntimeFailure(
                "The image's command, variables, user or working directory hold characters that no program "
                "can be given.",
                hint="The image was built wrongly; build it again.",
            )


def _can_be_given(text: str) -> bool:
    """Whether a process can get this from outside: no NUL, and real text (JSON can hold half a character)."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def check_id(container_id: str) -> str:
    """Return the id.

    Raises:
        InvalidInput: it can not be the name of a container (and of a directory).
    """
    if not _ID.fullmatch(container_id):
        raise InvalidInput(f"“{container_id}” is not the id of a container.")
    return container_id


@dataclass(frozen=True, slots=True)
class ContainerStatus:
    """What a container does now.

    Attributes:
        state: ``missing`` when this node has no such container.
        exit_code: Of the last run; 128 + n when signal n ended it. None if it never ended, or if nobody saw
            how (its monitor was killed, or the machine went down).
        pid: The process on this machine while it runs.
        started_at, finished_at: Of the last run, in UTC.
    """

    state: State
    exit_code: int | None = None
    pid: int | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None

"""Containers as pages show them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet

from dashboard.queries.names import Named, names_of
from worker.models import ACTIVE_STATES, AT_REST_STATES, Container, ContainerState, Job, Project

_CHIPS = {
    ContainerState.CREATING: "warn busy",
    ContainerState.RUNNING: "good",
    ContainerState.REMOVING: "warn busy",
    ContainerState.FAILED: "bad",
}
#: Escape sequences of terminals (colours, cursor), and what else has no picture; tabs are kept.
_UNPRINTABLE = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])|[\x00-\x08\x0a-\x1f\x7f]"
)


@dataclass(frozen=True, slots=True)
class ContainerPicture:
    """A container, the name of its image, and what can be done to it now."""

    container: Container
    image: Named
    job: Job | None = None

    @property
    def state(self) -> ContainerState:
        return ContainerState(self.container.state)

    @property
    def chip(self) -> str:
        """CSS classes of the state's chip; one that ended badly shows it."""
        if self.state is ContainerState.STOPPED and self.container.exit_code:
            return "bad"
        return _CHIPS.get(self.state, "")

    @property
    def is_running(self) -> bool:
        return self.state is ContainerState.RUNNING

    @property
    def busy(self) -> bool:
        """Whether a job works on it: then it wants to be left alone."""
        return self.job is not None and self.job.is_active

    @property
    def may_start(self) -> bool:
        return self.state in AT_REST_STATES and not self.busy

    @property
    def may_stop(self) -> bool:
        return self.is_running and not self.busy

    @property
    def may_remove(self) -> bool:
        return self.state is not ContainerState.CREATING and not self.busy

    @property
    def command(self) -> str:
        """What it was told to run; empty if it runs what its image says."""
        return shlex.join(self.container.command)

    @property
    def runs(self) -> str:
        """The whole line: the image's entry point, then the command or the image's own (its "Cmd").

        Needs the image's config to be loaded.
        """
        config: dict[str, Any] = (self.container.image.config or {}).get("config") or {}
        words = self.container.command or config.get("Cmd") or []
        return shlex.join([*(config.get("Entrypoint") or []), *words])

    @property
    def signal(self) -> int | None:
        """The number of the signal that ended it, by the convention that exit codes above 128 tell."""
        code = self.container.exit_code
        return code - 128 if code is not None and 128 < code < 193 else None


def containers_of(project: Project, text: str = "", state: str = "") -> QuerySet[Container]:
    """Return the project's containers, the newest first; a state that does not exist matches nothing."""
    rows = Container.objects.filter(project=project).order_by("-created_at", "-id")
    if state:
        rows = rows.filter(state=state)
    for word in text.split():
        rows = rows.filter(
            Q(name__icontains=word)
            | Q(image__repository__icontains=word)
            | Q(image__tags__name__icontains=word)
        )
    return rows.distinct() if text.split() else rows


def pictures(containers: Iterable[Container]) -> list[ContainerPicture]:
    """Return them for a list: three queries, however many. The image must be loaded with each."""
    rows = list(containers)
    names = names_of({row.image_id: row.image for row in rows}.values())
    active = Job.objects.filter(container__in=[row.pk for row in rows], state__in=ACTIVE_STATES)
    jobs = {job.container_id: job for job in active.defer("progress").order_by("id")}
    return [ContainerPicture(row, names[row.image_id], jobs.get(row.pk)) for row in rows]


def printable(text: str) -> str:
    """Return a line of a log without what only a terminal understands."""
    return _UNPRINTABLE.sub("", text)

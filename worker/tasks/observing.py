"""What containers do by themselves, written to their rows."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, QuerySet

from worker.engine.containers import Containers
from worker.models import ACTIVE_STATES, Container, ContainerState, Job
from worker.progress import announce

_ACTIVE_JOB = Job.objects.filter(container=OuterRef("pk"), state__in=ACTIVE_STATES)
_LOST = "Its worker was ended while it was being created."


def observe(engine: Containers, container: Container) -> bool:
    """Bring the row in line with what is; whether it changed.

    The UPDATE is conditional on the state that was read, so it cannot undo what a job writes meanwhile.
    """
    status = engine.status(str(container.runtime_id))
    state = {"running": ContainerState.RUNNING, "created": ContainerState.CREATED}.get(
        status.state, ContainerState.STOPPED
    )
    if state == container.state:
        return False
    mine = Container.objects.filter(pk=container.pk, state=container.state)
    changed = mine.update(
        state=state,
        exit_code=status.exit_code,
        started_at=status.started_at or container.started_at,
        finished_at=status.finished_at,
        error_message="" if status.state != "missing" else "Its directory in the store is gone.",
    )
    return bool(changed)


def watch(engine: Containers, node: str, *, all_states: bool = False) -> None:
    """Look at this node's containers that should run; with ``all_states``, at all that have no active job."""
    idle = Container.objects.filter(node=node).exclude(Exists(_ACTIVE_JOB))
    states = [ContainerState.RUNNING]
    if all_states:
        states += [ContainerState.CREATED, ContainerState.STOPPED, ContainerState.REMOVING]
        _give_up(idle)
    for container in idle.filter(state__in=states):
        if observe(engine, container):
            announce(container.project_id, "containers")


def _give_up(idle: QuerySet[Container]) -> None:
    for container in idle.filter(state=ContainerState.CREATING):
        mine = Container.objects.filter(pk=container.pk, state=ContainerState.CREATING)
        if mine.update(state=ContainerState.FAILED, error_message=_LOST):
            announce(container.project_id, "containers")

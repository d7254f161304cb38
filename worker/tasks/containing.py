"""The work of a container's jobs. Each may run again after its worker died half-way."""

from __future__ import annotations

import json
from datetime import datetime

from django.utils.timezone import now

from worker.engine.containers import ContainerPlan, Containers
from worker.engine.errors import InvalidInput, NotFound, StrataError
from worker.engine.oci import ImageConfig
from worker.models import Container, ContainerState
from worker.tasks.observing import observe
from worker.tasks.running import Outcome, Run
from worker.tasks.stores import open_store


def act(run: Run) -> Outcome:
    """Do what the job's arguments say to its container."""
    container = run.job.container
    if container is None:
        raise NotFound("The container of this job is gone.")
    engine = Containers(open_store())
    action = run.job.arguments.get("action")
    match action:
        case "create":
            # In any other state an attempt before this one has made it, and something may have run on it.
            if container.state == ContainerState.CREATING:
                _create(engine, container)
            if run.job.arguments.get("start"):
                _start(engine, container, run.job.started_at)
        case "start":
            _start(engine, container, run.job.started_at)
        case "stop":
            engine.stop(str(container.runtime_id))
            observe(engine, container)
        case "remove":
            _remove(engine, container)
        case _:
            raise InvalidInput(f"There is nothing called {action!r} to do with a container.")
    return Outcome({"action": action})


def _create(engine: Containers, container: Container) -> None:
    name = str(container.runtime_id)
    try:
        config = ImageConfig.parse(json.dumps(container.image.config).encode())
        plan = ContainerPlan(
            id=name,
            config=config,
            diff_ids=config.diff_ids,
            command=tuple(container.command),
            env=dict(container.env),
            # What a host's name may not hold, a container's may.
            hostname=container.name.replace("_", "-").strip("-."),
        )
        # What an attempt before this one left half made; nothing has run on it yet.
        engine.remove(name)
        engine.create(plan)
    except StrataError as error:
        _write(container, state=ContainerState.FAILED, error_message=error.message)
        raise
    _write(container, state=ContainerState.CREATED, error_message="")


def _start(engine: Containers, container: Container, since: datetime | None) -> None:
    """Start it, unless an attempt before this one, later than ``since``, has done so already."""
    name = str(container.runtime_id)
    try:
        status = engine.status(name)
        started_at = status.started_at
        ran_already = started_at is not None and since is not None and started_at >= since
        if status.state != "running" and not ran_already:
            _write(container, exit_code=None, finished_at=None, error_message="")
            engine.start(name)
            started_at = now()
    except StrataError as error:
        _write(container, error_message=error.message)
        raise
    _write(container, state=ContainerState.RUNNING, started_at=started_at)
    # It may have ended already; then its page should say so from the start.
    observe(engine, container)


def _remove(engine: Containers, container: Container) -> None:
    before = container.state
    _write(container, state=ContainerState.REMOVING)
    try:
        engine.remove(str(container.runtime_id))
    except StrataError as error:
        after = ContainerState.STOPPED if before == ContainerState.RUNNING else before
        _write(container, state=after, error_message=error.message)
        raise
    container.delete()


def _write(container: Container, **fields: object) -> None:
    Container.objects.filter(pk=container.pk).update(**fields)
    for field, value in fields.items():
        setattr(container, field, value)

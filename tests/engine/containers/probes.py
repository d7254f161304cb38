"""What the machine says of a container, beside the engine."""

from __future__ import annotations

from pathlib import Path

from tests.engine.containers.conftest import Lab
from tests.support.processes import commands
from worker.engine.containers.home import Home
from worker.engine.containers.run import Run


def processes_of(container_id: str) -> list[str]:
    """Command lines of this machine's living processes that name the container: its conmon."""
    return [line for line in commands().values() if container_id in line]


def control_groups_of(container_id: str) -> list[Path]:
    return list(Path("/sys/fs/cgroup").glob(f"**/strata/{container_id}"))


def last_run(lab: Lab, container_id: str) -> Run:
    run = Run.last(Home(lab.home(container_id)))
    assert run is not None
    return run

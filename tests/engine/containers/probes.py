"""What the machine says of a container, beside the engine."""

from __future__ import annotations

from pathlib import Path

from tests.engine.containers.conftest import Lab
from worker.engine.containers.home import Home
from worker.engine.containers.run import Run


def processes_of(lab: Lab, container_id: str) -> list[str]:
    """Command lines of this machine's living processes that name the container: its conmon."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if container_id.encode() in line:
                found.append(line.decode(errors="replace"))
    return found


def control_groups_of(container_id: str) -> list[Path]:
    return list(Path("/sys/fs/cgroup").glob(f"**/strata/{container_id}"))


def last_run(lab: Lab, container_id: str) -> Run:
    run = Run.last(Home(lab.home(container_id)))
    assert run is not None
    return run

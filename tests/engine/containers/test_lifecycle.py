"""Containers are created, started, stopped and removed."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.engine.containers.conftest import SLEEP, WAIT, Lab
from tests.engine.containers.probes import control_groups_of, last_run, processes_of
from tests.support.disks import small_disk
from tests.support.processes import wait_until
from worker.engine.containers.mounts import mounts_below
from worker.engine.errors import (
    Conflict,
    ContainerStateError,
    DiskFull,
    MountFailed,
    NotFound,
)

pytestmark = pytest.mark.root


def test_exit_by_signal_is_128_and_its_number(lab: Lab) -> None:
    _, status = lab.sh("kill -SEGV $$; sh -c 'kill -KILL $$'")
    assert status.exit_code == 128 + signal.SIGKILL


def test_stop_asks_first(lab: Lab) -> None:
    """A program that handles the image's stop signal ends by itself, with its own exit code."""
    container_id = lab.start(
        "/bin/sh",
        "-c",
        "trap 'exit 7' QUIT; echo ready; while true; do sleep 0.05; done",
        stop_signal="SIGQUIT",
    )
    wait_until(lambda: lab.output(container_id) == ["ready"], WAIT, "the word")
    status = lab.containers.status(container_id)
    assert status.state == "running"
    assert status.pid is not None
    assert Path(f"/proc/{status.pid}").exists()
    lab.containers.stop(container_id, timeout=60)
    assert lab.containers.status(container_id).exit_code == 7
    assert control_groups_of(container_id) == []


def test_stop_kills_who_does_not_listen(lab: Lab) -> None:
    container_id = lab.start(*SLEEP)  # as process 1 it ignores SIGTERM, which it does not handle
    lab.containers.stop(container_id, timeout=0.3)
    status = lab.containers.status(container_id)
    assert (status.state, status.exit_code) == ("stopped", 137)
    lab.containers.stop(container_id)
    lab.containers.kill(container_id)
    assert lab.containers.status(container_id) == status


def test_a_stopped_container_starts_again_on_its_own_changes(lab: Lab) -> None:
    """What it wrote is still there, the log goes on, and the last exit code counts."""
    container_id = lab.create(
        "/bin/sh", "-c", "echo run >> /root/runs; cat /root/runs; ls /root/two || mkdir /root/two"
    )
    assert lab.containers.status(container_id).state == "created"
    lab.containers.start(container_id)
    first = lab.ended(container_id)
    lab.containers.start(container_id)
    second = lab.ended(container_id)
    assert lab.output(container_id) == ["run", "run", "run"]
    assert first.started_at is not None
    assert second.started_at is not None
    assert second.started_at > first.started_at


def test_a_running_container_is_not_started_twice(lab: Lab) -> None:
    container_id = lab.start(*SLEEP)
    pid = lab.containers.status(container_id).pid
    with pytest.raises(ContainerStateError):
        lab.containers.start(container_id)
    assert lab.containers.status(container_id).pid == pid


def test_remove_leaves_nothing(lab: Lab) -> None:
    """No process, mount, directory or control group; once more is no error; then it is unknown."""
    container_id = lab.start(*SLEEP)
    process = last_run(lab, container_id).process
    assert processes_of(container_id)
    assert lab.containers.list() == [container_id]
    lab.containers.remove(container_id)
    assert not process.alive
    wait_until(lambda: processes_of(container_id) == [], WAIT, "its monitor's end")
    assert mounts_below(lab.store.containers) == ()
    assert list(lab.store.containers.iterdir()) == []
    assert control_groups_of(container_id) == []
    lab.containers.remove(container_id)
    assert lab.containers.status(container_id).state == "missing"
    for act in (lab.containers.start, lab.containers.stop, lab.containers.log, lab.containers.changes):
        with pytest.raises(NotFound):
            act(container_id)


def test_remove_copes_with_what_a_container_can_pile_up(lab: Lab) -> None:
    """Directories deeper than any path may be long, and files that nobody may write."""
    container_id, status = lab.sh(
        "cd /root; i=0; while [ $i -lt 1200 ]; do mkdir -m 0000 d; cd d; i=$((i+1)); done; echo $i"
    )
    assert status.exit_code == 0
    assert lab.output(container_id) == ["1200"]
    assert lab.containers.changes(container_id)
    lab.containers.remove(container_id)
    assert not lab.home(container_id).exists()


def test_a_name_is_given_once(lab: Lab) -> None:
    """The second container of a name is refused, and the first one is as it was."""
    plan = lab.plan(*SLEEP)
    lab.containers.create(plan)
    lab.containers.start(plan.id)
    with pytest.raises(Conflict):
        lab.containers.create(plan)
    assert lab.containers.status(plan.id).state == "running"


def test_of_many_who_do_the_same_at_once_one_succeeds(lab: Lab) -> None:
    """Created once, started once; removed by all."""
    plan = lab.plan(*SLEEP)

    def outcomes(act: Callable[[], None]) -> list[str]:
        def attempt(_: int) -> str:
            try:
                act()
            except (Conflict, ContainerStateError) as error:
                return error.code
            return "done"

        with ThreadPoolExecutor(6) as pool:
            return sorted(pool.map(attempt, range(6)))

    assert outcomes(lambda: lab.containers.create(plan)) == ["conflict"] * 5 + ["done"]
    assert outcomes(lambda: lab.containers.start(plan.id)) == ["container_state"] * 5 + ["done"]
    assert len(processes_of(plan.id)) == 1
    assert outcomes(lambda: lab.containers.remove(plan.id)) == ["done"] * 6
    assert list(lab.store.containers.iterdir()) == []


def test_a_removal_does_not_wait_for_a_patient_stop(lab: Lab) -> None:
    container_id = lab.start(*SLEEP)
    with ThreadPoolExecutor(1) as pool:
        stopping = pool.submit(lab.containers.stop, container_id, timeout=100)
        wait_until(stopping.running, WAIT, "the stop's begin")
        lab.containers.remove(container_id)
        assert isinstance(stopping.exception(timeout=20), NotFound | None)
    assert list(lab.store.containers.iterdir()) == []


def test_a_full_disk_leaves_nothing_half_made(lab: Lab, tmp_path: Path) -> None:
    """The containers' directory on a file system with room for ever more files, until a create succeeds."""
    small = tmp_path / "small"
    small.mkdir()
    shutil.rmtree(lab.store.containers)
    lab.store.containers.symlink_to(small)
    for inodes in range(2, 60, 3):
        with small_disk(small, f"nr_inodes={inodes}"):
            plan = lab.plan(*SLEEP)
            problem = ""
            try:
                lab.containers.create(plan)
            except (DiskFull, MountFailed) as error:
                problem = error.message
            if not problem:
                lab.containers.remove(plan.id)
                break
            assert "full" in problem
            assert list(small.iterdir()) == []
    assert inodes > 20
    lab.store.containers.unlink()
    lab.store.containers.mkdir()

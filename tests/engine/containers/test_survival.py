"""Containers meet crashes, restarts, missing rights and the end of everything."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.containers.conftest import SLEEP, WAIT, Lab
from tests.engine.containers.layers import add_layer
from tests.engine.containers.probes import last_run
from tests.support.processes import wait_until
from worker.engine.containers import Containers, Runtime
from worker.engine.containers.mounts import mounted_at, mounts_below
from worker.engine.containers.stop_all import main as stop_all
from worker.engine.errors import (
    InvalidInput,
    RuntimeMissing,
)

pytestmark = pytest.mark.root


def test_a_container_survives_its_monitor(lab: Lab) -> None:
    """conmon is killed with SIGKILL: the container still counts as running, can be stopped and started again.

    Its exit code is lost with the only process that could have seen it.
    """
    container_id = lab.start(*SLEEP)
    run = last_run(lab, container_id)
    assert run.monitor is not None
    run.monitor.send(signal.SIGKILL)
    assert run.monitor.wait(10)
    assert lab.containers.status(container_id).state == "running"
    lab.containers.stop(container_id, timeout=0)
    status = lab.containers.status(container_id)
    assert (status.state, status.exit_code) == ("stopped", None)
    lab.containers.start(container_id)
    assert lab.containers.status(container_id).state == "running"


def test_a_container_outlives_its_worker(lab: Lab) -> None:
    """conmon is no child of ours, in a session of its own, and holds none of our descriptors or variables."""
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    os.environ["STRATA_TEST_SECRET"] = "do not pass on"
    try:
        container_id = lab.start(*SLEEP)
    finally:
        del os.environ["STRATA_TEST_SECRET"]
    os.close(writer)
    assert os.read(reader, 1) == b""  # end of file: nobody else holds the other end
    os.close(reader)
    run = last_run(lab, container_id)
    assert run.monitor is not None
    stat = Path(f"/proc/{run.monitor.pid}/stat").read_text().rpartition(")")[2].split()
    parent, session = int(stat[1]), int(stat[3])
    assert parent != os.getpid()
    assert session == run.monitor.pid
    for pid in (run.monitor.pid, run.process.pid):
        assert b"STRATA_TEST_SECRET" not in Path(f"/proc/{pid}/environ").read_bytes()
    assert Path(f"/proc/{run.process.pid}/oom_score_adj").read_text().strip() == "0"


def test_after_a_restart_of_the_machine_it_starts_again(lab: Lab) -> None:
    """Mounts and processes are gone and the record is of another boot: it is stopped, and can be started."""
    container_id = lab.start("/bin/sh", "-c", "ls /root/x && exit 5; echo > /root/x; sleep 1000")
    wait_until(lambda: (lab.home(container_id) / "upper/root/x").exists(), WAIT, "the file")
    run = last_run(lab, container_id)
    assert run.monitor is not None
    for process in (run.monitor, run.process):
        process.send(signal.SIGKILL)
        process.wait(10)
    subprocess.run(["umount", lab.home(container_id) / "rootfs"], check=True)
    record = lab.home(container_id) / "run.json"
    record.chmod(0o600)
    record.write_text(record.read_text().replace(run.process.boot, "another boot"))
    status = lab.containers.status(container_id)
    assert (status.state, status.exit_code) == ("stopped", None)
    lab.containers.start(container_id)
    assert lab.ended(container_id).exit_code == 5


def test_what_a_killed_worker_left_half_made_is_taken_over(lab: Lab) -> None:
    """A directory without its last file is nobody's: not listed, and a new create begins from scratch."""
    plan = lab.plan("/bin/sh", "-c", "ls /root")
    lab.containers.create(plan)
    (lab.home(plan.id) / "container.json").unlink()
    (lab.home(plan.id) / "upper/root").mkdir()
    (lab.home(plan.id) / "upper/root/rubbish").touch()
    assert lab.containers.list() == []
    assert lab.containers.status(plan.id).state == "missing"
    lab.containers.create(plan)
    lab.containers.start(plan.id)
    assert lab.ended(plan.id).exit_code == 0
    assert lab.output(plan.id) == []
    assert len(mounts_below(lab.home(plan.id))) == 1


def test_a_worker_killed_between_create_and_start_is_no_obstacle(lab: Lab) -> None:
    """The runtime holds a container that waits to start; a new start replaces it, a removal ends it."""
    container_id = lab.start(*SLEEP)
    first = last_run(lab, container_id)
    record = lab.home(container_id) / "run.json"
    started = f'"{first.started_at.isoformat()}"' if first.started_at else ""
    record.write_text(record.read_text().replace(started, "null"))
    assert lab.containers.status(container_id).state == "created"
    lab.containers.start(container_id)
    assert not first.process.alive
    assert lab.containers.status(container_id).state == "running"


def test_without_a_runtime_nothing_is_left(lab: Lab) -> None:
    missing = Runtime(Path("/no/such/runc"), Path("/no/such/conmon"))
    containers = Containers(lab.store, missing)
    plan = lab.plan(*SLEEP)
    containers.create(plan)
    with pytest.raises(RuntimeMissing, match="conmon"):
        containers.start(plan.id)
    assert containers.status(plan.id).state == "created"
    containers.remove(plan.id)
    assert list(lab.store.containers.iterdir()) == []


def test_other_users_of_the_machine_cannot_enter(lab: Lab) -> None:
    """An image's setuid programs are not for them; the store's group may read."""
    container_id = lab.create(*SLEEP)
    status = lab.home(container_id).stat()
    assert status.st_mode & 0o7777 == 0o750
    assert status.st_gid == lab.store.containers.stat().st_gid


def test_a_process_without_rights_is_told_so(lab: Lab) -> None:
    """A web process that is not in the store's group: an error that says so, not a traceback."""
    container_id, _ = lab.sh("echo hi")
    # From here a relative path leads to the store: the directories above it may be closed.
    here = lab.store.root.parent
    here.chmod(0o755)
    ask = (
        "import os, sys; from pathlib import Path; from worker.engine.containers import Containers;"
        "from worker.engine.store import Store; from worker.engine.errors import StrataError\n"
        "os.setgroups([]); os.setgid(int(sys.argv[3])); os.setuid(4242)\n"
        "try: print(len(Containers(Store(Path(sys.argv[1]))).log(sys.argv[2])))\n"
        "except StrataError as error: print(error.code)"
    )

    def answer(gid: int) -> str:
        command = [sys.executable, "-c", ask, lab.store.root.name, container_id, str(gid)]
        env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
        done = subprocess.run(command, cwd=here, env=env, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    assert answer(4242) == "store_not_writable"
    assert answer(lab.store.containers.stat().st_gid) == "1"


def test_the_root_directory_has_the_topmost_layers_mode(lab: Lab) -> None:
    def fill(tree: Path) -> None:
        tree.chmod(0o555)
        os.chown(tree, 5, 6)

    lab.diff_ids = (*lab.diff_ids, add_layer(lab.store, "root", fill))
    container_id = lab.create(*SLEEP)
    status = (lab.home(container_id) / "rootfs").stat()
    assert (status.st_mode & 0o7777, status.st_uid, status.st_gid) == (0o555, 5, 6)
    assert lab.containers.changes(container_id) == []


@pytest.mark.parametrize("container_id", ["../../etc", "", "a/b", "."])
def test_ids_are_no_paths(lab: Lab, container_id: str) -> None:
    for act in (lab.containers.status, lab.containers.remove, lab.containers.start, lab.containers.log):
        with pytest.raises(InvalidInput):
            act(container_id)


def test_stop_all_ends_everything_and_leaves_it_in_order(lab: Lab) -> None:
    """Running ones end with a known exit code, all are unmounted, and can be started again."""
    listening = lab.start("/bin/sh", "-c", "trap 'exit 0' TERM; echo ready; while true; do sleep 0.05; done")
    wait_until(lambda: lab.output(listening) == ["ready"], WAIT, "the word")
    deaf, idle = lab.start(*SLEEP), lab.create(*SLEEP)
    assert len(mounts_below(lab.store.containers)) == 3
    assert stop_all([str(lab.store.root), "--timeout", "2"]) == 0
    assert mounts_below(lab.store.containers) == ()
    assert lab.containers.status(listening).exit_code == 0
    assert lab.containers.status(deaf).exit_code == 137
    assert lab.containers.status(idle).state == "created"
    for container_id in (listening, deaf, idle):
        lab.containers.start(container_id)
        assert mounted_at(lab.home(container_id) / "rootfs") is not None
        assert lab.containers.status(container_id).state == "running"


def test_stop_all_copes_with_damage_and_with_nothing(lab: Lab, tmp_path: Path) -> None:
    damaged, running = lab.start(*SLEEP), lab.start(*SLEEP)
    process = last_run(lab, damaged).process
    record = lab.home(damaged) / "run.json"
    whole = record.read_text()
    record.write_text("{")
    assert stop_all([str(lab.store.root), "--timeout", "0"]) == 0
    assert lab.containers.status(running).state == "stopped"
    assert stop_all([str(tmp_path / "nothing")]) == 0
    record.write_text(whole)
    assert process.alive
    lab.containers.remove(damaged)

"""Containers that really run: mounts, runc and conmon."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.engine.containers.conftest import Lab, eventually
from tests.engine.containers.layers import add_layer, fingerprint, top_layer
from worker.engine.containers import ContainerPlan, Containers, Runtime
from worker.engine.containers.home import Home
from worker.engine.containers.mounts import mounted_at, mounts_below
from worker.engine.containers.run import Run
from worker.engine.containers.stop_all import main as stop_all
from worker.engine.errors import (
    CommandNotFound,
    Conflict,
    ContainerStateError,
    DiskFull,
    InvalidInput,
    LayerMissing,
    MountFailed,
    NotFound,
    RuntimeFailure,
    RuntimeMissing,
)
from worker.engine.oci import Digest

pytestmark = pytest.mark.root

SLEEP = ("/bin/sleep", "1000")


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


def test_what_a_container_writes_is_in_its_upper_and_nowhere_else(lab: Lab) -> None:
    """The journey: it runs, its changes, output and exit code are known, and no layer changed."""
    before = fingerprint(lab.store.root / "layers")
    container_id, status = lab.sh("echo hi > /root/x; ls /var/www/html; echo bad >&2; exit 3")
    assert (status.state, status.exit_code, status.pid) == ("stopped", 3, None)
    assert status.started_at is not None
    assert status.finished_at is not None
    assert status.started_at < status.finished_at
    assert (lab.home(container_id) / "upper/root/x").read_text() == "hi\n"
    assert lab.output(container_id) == ["index.html"]
    assert lab.output(container_id, "stderr") == ["bad"]
    changes = lab.containers.changes(container_id)
    assert [(change.kind, change.path, change.size) for change in changes] == [("added", "/root/x", 3)]
    assert fingerprint(lab.store.root / "layers") == before


def test_a_command_that_changes_nothing_leaves_the_upper_empty(lab: Lab) -> None:
    """The runtime's own mount points (/proc, /etc/hosts, ...) are no change of the container's."""
    container_id, _ = lab.sh("true")
    assert list((lab.home(container_id) / "upper").iterdir()) == []


def test_layers_are_merged_with_their_deletions(lab: Lab) -> None:
    """A whiteout hides a file, an opaque directory everything below it."""
    container_id, _ = lab.sh("ls /data /replaced")
    assert lab.output(container_id) == ["/data:", "kept", "", "/replaced:", "new"]


def test_removing_and_replacing_show_as_changes(lab: Lab) -> None:
    container_id, status = lab.sh(
        "rm /data/kept; rm -r /replaced; mkdir /replaced; echo 1 > /replaced/own;"
        "echo 2 > /etc/group; mv /var /moved"
    )
    assert status.exit_code == 0
    found = [(change.kind, change.path) for change in lab.containers.changes(container_id)]
    assert ("removed", "/data/kept") in found
    assert ("removed", "/replaced/new") in found
    assert ("added", "/replaced/own") in found
    assert ("changed", "/etc/group") in found
    assert ("removed", "/var") in found
    assert ("added", "/moved/www/html/index.html") in found  # whole, not by reference


def test_the_environment_is_the_images_and_the_users(lab: Lab) -> None:
    container_id, _ = lab.run("/bin/env", env=("A=image", "B=image"), extra_env={"B": "user"}, hostname="box")
    assert set(lab.output(container_id)) == {
        "A=image",
        "B=user",
        "HOME=/root",
        "HOSTNAME=box",
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    }


def test_the_hostname_is_its_own_and_resolves(lab: Lab) -> None:
    container_id, _ = lab.sh("uname -n; cat /etc/hostname /etc/hosts /etc/resolv.conf", hostname="box")
    output = lab.output(container_id)
    assert output[:2] == ["box", "box"]
    assert "127.0.0.1\tbox" in output
    assert os.uname().nodename != "box"


def test_a_user_runs_with_his_ids_and_without_capabilities(lab: Lab) -> None:
    container_id, status = lab.sh(
        "id; while read -r line; do case $line in Cap*) echo $line;; esac; done < /proc/self/status;"
        "echo > /etc/x",
        user="www",
    )
    output = lab.output(container_id)
    assert output[0] == "uid=33(www) gid=34(www) groups=34(www),26(tape)"
    assert "CapEff: 0000000000000000" in output
    assert status.exit_code != 0  # /etc is root's
    assert list((lab.home(container_id) / "upper").iterdir()) == []


def test_a_missing_working_directory_is_made(lab: Lab) -> None:
    container_id, _ = lab.sh("pwd", working_dir="/srv/new/app")
    assert lab.output(container_id) == ["/srv/new/app"]
    assert (lab.home(container_id) / "upper/srv/new/app").is_dir()


def test_there_is_no_network_but_loopback(lab: Lab) -> None:
    container_id, _ = lab.sh("ls /sys/class/net")
    assert lab.output(container_id) == ["lo"]


def test_a_container_is_alone(lab: Lab) -> None:
    """It sees its own processes only, can not mount, can not write to the kernel, has few devices."""
    container_id, _ = lab.sh(
        "echo $$; ls /proc | { while read -r n; do case $n in [0-9]*) echo pid $n;; esac; done; };"
        "for f in /proc/sys/vm/drop_caches /sys/fs/cgroup/x; do echo 1 > $f || echo refused; done; ls /dev"
    )
    output = lab.output(container_id)
    assert output[0] == "1"
    assert len([line for line in output if line.startswith("pid ")]) <= 4
    assert output.count("refused") == 2
    assert {"null", "zero", "urandom"} < set(output)
    assert not {"mem", "kmsg", "vda", "sda"} & set(output)


def test_long_and_unfinished_lines_arrive_whole(lab: Lab) -> None:
    container_id, _ = lab.sh(
        "a=0123456789abcdef; for i in 1 2 3 4 5 6 7 8 9 10; do a=$a$a; done; echo $a; printf end"
    )
    first, last = lab.output(container_id)
    assert first == "0123456789abcdef" * 1024
    assert last == "end"


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
    eventually(lambda: lab.output(container_id) == ["ready"])
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
    assert processes_of(lab, container_id)
    assert lab.containers.list() == [container_id]
    lab.containers.remove(container_id)
    assert not process.alive
    eventually(lambda: processes_of(lab, container_id) == [])
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
    assert len(processes_of(lab, plan.id)) == 1
    assert outcomes(lambda: lab.containers.remove(plan.id)) == ["done"] * 6
    assert list(lab.store.containers.iterdir()) == []


def test_a_removal_does_not_wait_for_a_patient_stop(lab: Lab) -> None:
    container_id = lab.start(*SLEEP)
    with ThreadPoolExecutor(1) as pool:
        stopping = pool.submit(lab.containers.stop, container_id, timeout=100)
        eventually(stopping.running)
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
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"nr_inodes={inodes}", "none", small], check=True)
        try:
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
        finally:
            subprocess.run(["umount", small], check=True)
    assert inodes > 20
    lab.store.containers.unlink()
    lab.store.containers.mkdir()


def test_a_command_that_does_not_exist_is_named_and_nothing_stays(lab: Lab) -> None:
    for command in (("nonesuch",), ("/bin/nonesuch", "-x"), ("/etc/passwd",)):
        with pytest.raises(CommandNotFound, match=command[0]):
            lab.create(*command)
    assert list(lab.store.containers.iterdir()) == []
    assert mounts_below(lab.store.root) == ()


def test_a_program_that_cannot_be_executed_fails_with_the_reason(lab: Lab, store_script: Digest) -> None:
    """A script whose interpreter is missing is found, but the kernel refuses it."""
    lab.diff_ids = (*lab.diff_ids, store_script)
    container_id = lab.create("/bin/broken")
    # Depending on the runtime, the start fails, or the program ends at once.
    try:
        lab.containers.start(container_id)
        lab.ended(container_id)
        reason = "".join(lab.output(container_id, "stderr"))
    except RuntimeFailure as error:
        reason = error.message
    assert "no such file" in reason.lower()
    assert lab.containers.status(container_id).state in ("created", "stopped")
    assert lab.containers.status(container_id).exit_code != 0


@pytest.fixture
def store_script(lab: Lab) -> Digest:
    def fill(tree: Path) -> None:
        (tree / "bin").mkdir()
        (tree / "bin/broken").write_text("#!/no/such/interpreter\n")
        (tree / "bin/broken").chmod(0o755)

    return add_layer(lab.store, "script", fill)


def test_hostile_links_lead_nowhere(lab: Lab, tmp_path: Path) -> None:
    """Links of the image that point out of it end inside: for users, working directory and mount points."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "passwd").write_text("evil:x:0:0::/:/bin/sh\n")

    def fill(tree: Path) -> None:
        (tree / "etc").mkdir()
        (tree / "etc/passwd").symlink_to(outside / "passwd")
        (tree / "etc/hosts").symlink_to(f"../../../../../../../..{outside}/hosts")
        (tree / "etc/resolv.conf").symlink_to(outside / "deep/resolv.conf")
        (tree / "out").symlink_to("/")
        (tree / "work").symlink_to(outside)

    lab.diff_ids = (*lab.diff_ids, add_layer(lab.store, "hostile", fill))
    before = fingerprint(outside)
    with pytest.raises(RuntimeFailure, match="evil"):
        lab.create("/bin/sh", user="evil")
    assert list(lab.store.containers.iterdir()) == []
    container_id, status = lab.sh("pwd -P; cat /etc/hosts", working_dir="/out/../out/tmp", hostname="box")
    assert status.exit_code == 0
    assert lab.output(container_id)[0] == "/tmp"
    assert "127.0.0.1\tbox" in lab.output(container_id)
    refused = lab.create("/bin/sh", "-c", "pwd -P", working_dir="/work/new")
    try:
        lab.containers.start(refused)
        lab.ended(refused)
    except RuntimeFailure:
        assert lab.containers.status(refused).state == "created"
    assert fingerprint(outside) == before


def test_a_layer_that_is_not_extracted_is_named(lab: Lab) -> None:
    missing = Digest.of(b"missing")
    plan = lab.plan(*SLEEP)
    with pytest.raises(LayerMissing, match=str(missing)):
        lab.containers.create(ContainerPlan(plan.id, plan.config, (*lab.diff_ids, missing)))
    assert not lab.home(plan.id).exists()
    container_id = lab.create(*SLEEP)
    lab.store.layers.remove(lab.diff_ids[-1])
    with pytest.raises(LayerMissing):
        lab.containers.start(container_id)


def test_a_layer_may_come_twice(lab: Lab) -> None:
    """The kernel refuses one directory twice; the topmost occurrence is the one that counts."""
    base, middle, top = lab.diff_ids
    lab.diff_ids = (base, top, middle, top)
    container_id, _ = lab.sh("ls /var/www/html /data")
    assert lab.output(container_id) == ["/data:", "kept", "", "/var/www/html:", "index.html"]


def test_hundreds_of_layers(lab: Lab) -> None:
    """As many as the kernel takes; one more is refused, with nothing left."""
    more = [
        add_layer(lab.store, f"layer {n}", lambda tree, n=n: (tree / f"f{n}").touch()) for n in range(498)
    ]  # type: ignore[misc]
    base = lab.diff_ids[0]
    lab.diff_ids = (base, *more[:300])
    container_id, _ = lab.sh("set -- /f*; echo $#")
    assert lab.output(container_id) == ["300"]
    lab.diff_ids = (base, *more, add_layer(lab.store, "last", top_layer))
    container_id, _ = lab.sh("set -- /f*; echo $#")
    assert lab.output(container_id) == ["498"]
    lab.diff_ids = (*lab.diff_ids, add_layer(lab.store, "one more", top_layer))
    with pytest.raises(MountFailed, match="501"):
        lab.create(*SLEEP)


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
    eventually(lambda: (lab.home(container_id) / "upper/root/x").exists())
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
    eventually(lambda: lab.output(listening) == ["ready"])
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

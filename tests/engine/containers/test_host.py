from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from worker.engine.containers import host, inspect_host, runtime_here
from worker.engine.containers.driver import clean_message
from worker.engine.containers.host import cgroup_mode
from worker.engine.containers.process import HostProcess
from worker.engine.containers.run import signal_number
from worker.engine.errors import RuntimeMissing, RuntimeUnsupported


def files(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def test_the_modes_of_control_groups_are_told_apart(tmp_path: Path) -> None:
    assert cgroup_mode(files(tmp_path / "2", "cgroup.controllers", "x/cgroup.procs")) == "v2"
    assert cgroup_mode(files(tmp_path / "h", "unified/cgroup.controllers", "pids/cgroup.procs")) == "hybrid"
    assert cgroup_mode(files(tmp_path / "1", "pids/cgroup.procs")) == "v1"
    (tmp_path / "0").mkdir()
    assert cgroup_mode(tmp_path / "0") == "none"
    assert cgroup_mode(tmp_path / "nothing") == "none"


def installed(monkeypatch: pytest.MonkeyPatch, *programs: str, cgroup: str = "v2") -> None:
    monkeypatch.setattr(host, "_find", lambda name: Path("/usr/bin", name) if name in programs else None)
    monkeypatch.setattr(host, "cgroup_mode", lambda root: cgroup)
    monkeypatch.setattr(host, "_kernel_problems", lambda cgroup: [])


def test_runc_is_preferred(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, "runc", "crun", "conmon", cgroup="v1")
    report = inspect_host()
    assert (report.runtime, report.conmon, report.problems) == (
        Path("/usr/bin/runc"),
        Path("/usr/bin/conmon"),
        (),
    )


def test_crun_alone_does_for_cgroup_v2_only(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, "crun", "conmon")
    assert inspect_host().runtime == Path("/usr/bin/crun")
    installed(monkeypatch, "crun", "conmon", cgroup="hybrid")
    report = inspect_host()
    assert report.runtime is None
    assert report.problems == ("crun needs cgroup v2, and this machine has hybrid: install runc.",)


def test_all_that_is_missing_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch)
    with pytest.raises(RuntimeMissing) as failure:
        runtime_here()
    assert "install runc" in failure.value.hint
    assert "install conmon" in failure.value.hint


def test_a_machine_that_may_not_mount_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, "runc", "conmon")
    monkeypatch.setattr(
        host, "_kernel_problems", lambda cgroup: ["The worker may not mount: run it as root."]
    )
    with pytest.raises(RuntimeUnsupported) as failure:
        runtime_here()
    assert "run it as root" in failure.value.hint


@pytest.mark.root
def test_this_machine_can_run_containers() -> None:
    assert inspect_host().problems == ()
    assert runtime_here().conmon.name == "conmon"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("", signal.SIGTERM),
        ("SIGQUIT", signal.SIGQUIT),
        ("winch", signal.SIGWINCH),
        ("9", signal.SIGKILL),
        ("SIGRTMIN+3", signal.SIGRTMIN + 3),
        ("RTMAX-1", signal.SIGRTMAX - 1),
        ("SIGRTMIN+99", signal.SIGTERM),
        ("SIGRTMAX-99", signal.SIGTERM),
        ("0", signal.SIGTERM),
        ("999", signal.SIGTERM),
        ("nonsense", signal.SIGTERM),
    ],
)
def test_stop_signals_are_names_or_numbers(text: str, number: int) -> None:
    assert signal_number(text) == number


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("", "the runtime gave no reason"),
        (
            'time="2026-11-01T10:00:00Z" level=error msg="runc create failed: exec: \\"x\\": not found"\n',
            'exec: "x": not found',
        ),
        ("warning\n2026-11-01T10:00:00.1Z: cannot set memory.\n", "cannot set memory"),
    ],
)
def test_a_runtimes_last_word_is_taken_out_of_its_log(said: str, shown: str) -> None:
    assert clean_message(said) == shown


def test_a_process_is_known_until_it_ends_and_never_mistaken() -> None:
    """Its number may go to another process, or to one of another boot: neither gets a signal."""
    with subprocess.Popen(["sleep", "60"]) as child:
        process = HostProcess.find(child.pid)
        assert process is not None
        assert process.alive
        assert not process.wait(0)
        impostors = [
            HostProcess(child.pid, process.started + 1, process.boot),
            HostProcess(child.pid, process.started, "another boot"),
        ]
        for impostor in impostors:
            assert not impostor.alive
            assert not impostor.send(signal.SIGKILL)
            assert impostor.wait(0)
        assert process.send(signal.SIGTERM)
        assert process.wait(10)
        assert not process.alive  # a zombie is not alive
    assert HostProcess.find(child.pid) is None
    assert not process.send(signal.SIGKILL)
    assert process.wait(0)


def test_a_process_with_a_strange_name_is_understood(tmp_path: Path) -> None:
    program = tmp_path / "a ) S 1 ("
    program.symlink_to(sys.executable)
    with subprocess.Popen([program, "-c", "import time; time.sleep(60)"]) as child:
        found = HostProcess.find(child.pid)
        mine = HostProcess.find(os.getpid())
        child.kill()
    assert found is not None
    assert mine is not None
    assert found.started >= mine.started

"""What keeps Strata from starting is one clear line."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from supervisor import checks, lock, ports
from supervisor.problem import Problem
from supervisor.settings import ROOT


def test_a_port_in_use_is_named_with_a_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Problem, match=f"Port {port} on 127.0.0.1 is in use.*STRATA_PORT="):
            checks.check_port("127.0.0.1", port)
    checks.check_port("127.0.0.1", port)


def test_a_host_that_is_not_this_machine_is_refused() -> None:
    with pytest.raises(Problem, match=r"192\.0\.2\.1"):
        checks.check_port("192.0.2.1", 8000)
    with pytest.raises(Problem, match="STRATA_HOST"):
        checks.check_port("no such host", 8000)


def test_a_new_data_directory_is_for_this_user_alone(tmp_path: Path) -> None:
    checks.check_data(tmp_path / "data")
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700


def test_a_data_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Problem, match=f"{tmp_path}/file/data: Not a directory.*STRATA_DATA"):
        checks.check_data(tmp_path / "file" / "data")
    with pytest.raises(Problem, match="Cannot write to the data directory /proc/1/strata"):
        checks.check_data(Path("/proc/1/strata"))


def test_a_missing_redis_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(Problem, match=r"redis-server.*STRATA_REDIS_URL"):
        checks.find_redis()


def test_missing_container_tools_only_warn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(checks, "MORE_PATHS", ())
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    (warning,) = checks.warnings()
    assert "runc (or crun) and conmon" in warning


def test_an_ordinary_user_is_told_what_will_not_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    (warning,) = checks.warnings()
    assert warning == "Not root: images can be fetched, but neither extracted nor run."


def test_two_at_once_on_the_same_data_are_refused(tmp_path: Path) -> None:
    """The second says which process holds it; when that ends, however, its lock goes with it."""
    holding = "import sys, pathlib, time; from supervisor import lock; lock.take(pathlib.Path(sys.argv[1]));"
    holder = subprocess.Popen(
        [sys.executable, "-c", f"{holding} print('held', flush=True); time.sleep(60)", str(tmp_path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    with holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(Problem, match=f"already runs on {tmp_path} .process {holder.pid}."):
            lock.take(tmp_path)
        holder.kill()
    lock.take(tmp_path)


def test_a_port_is_kept_from_start_to_start_while_it_is_free(tmp_path: Path) -> None:
    file = tmp_path / "port"
    first = ports.remembered(file)
    assert ports.remembered(file) == first
    with socket.create_server(("127.0.0.1", first)):
        assert ports.remembered(file) != first
    file.write_text("99999")
    assert 0 < ports.remembered(file) < 65536

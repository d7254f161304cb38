"""The real program: it starts, survives what happens to it, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scripts.setup import static
from supervisor.settings import ROOT
from tests.support.processes import wait_until
from tests.support.program import Program

pytestmark = pytest.mark.services


@pytest.fixture
def start(mark: str, tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """Start the program on one data directory; any number of times."""
    static.ensure()
    programs: list[Program] = []

    def begin(**settings: str) -> Program:
        programs.append(Program(tmp_path / "data", mark, **settings))
        return programs[-1]

    yield begin
    for program in programs:
        program.popen.kill()
        program.popen.wait()


def test_it_stops_in_time_and_starts_again_on_the_same_data(start: Callable[..., Program]) -> None:
    """Whoever became administrator at the first start is still there at the second, under the same key."""
    first = start(STRATA_ADMIN_USERNAME="ada", STRATA_ADMIN_PASSWORD="analytical engine")
    first.wait_ready()
    key = (first.data / "secret_key").read_text()
    token = first.manage("create_token", "ada").split()[-1]
    assert first.stop(signal.SIGINT) < 5
    second = start()
    second.wait_ready()
    assert second.api(token).get("images")["items"] == []
    assert (second.data / "secret_key").read_text() == key
    assert second.stop() < 5


def test_killed_workers_and_web_come_back(start: Callable[..., Program]) -> None:
    """Each is started again by itself; the others and the supervisor go on."""
    program = start(STRATA_ADMIN_USERNAME="ada", STRATA_ADMIN_PASSWORD="analytical engine")
    program.wait_ready()
    for words in (("celery", "pulls@"), ("celery", "beat"), ("granian",), ("redis-server",)):
        os.kill(program.pid_of(*words), signal.SIGKILL)
    wait_until(lambda: program.output.count("pulls@") >= 2, 60, program.output[-3000:])
    wait_until(lambda: program.output.count("starting it again") == 4, 30, program.output[-3000:])
    token = program.manage("create_token", "ada").split()[-1]

    def answers() -> bool:
        try:
            return program.api(token).get("images")["items"] == []
        except OSError:
            return False

    wait_until(answers, 60, program.output[-3000:])
    assert program.stop() < 5


def test_after_kill_9_nothing_runs_and_a_new_start_works(start: Callable[..., Program]) -> None:
    """The next start needs no cleaning up by hand, even if it comes at once."""
    killed = start()
    killed.wait_ready()
    before = set(killed.processes())
    killed.popen.kill()
    killed.popen.wait()
    again = start()
    again.wait_ready()
    assert not before & set(again.processes())
    assert again.stop() < 5


def test_what_keeps_it_from_starting_is_one_line(start: Callable[..., Program]) -> None:
    """A port in use, a directory that cannot be written, and a second start beside the first."""
    program = start()
    program.wait_ready()

    def refused(**settings: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "supervisor"],
            cwd=ROOT,
            env={**program.env, **settings},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 1
        assert done.stdout == ""
        (line,) = done.stderr.splitlines()
        return line

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        other = str(program.data.with_name("other"))
        assert f"Port {port} on 127.0.0.1 is in use" in refused(STRATA_DATA=other, STRATA_PORT=port)
    assert "Cannot write to the data directory" in refused(STRATA_DATA="/proc/strata")
    assert f"already runs on {program.data}" in refused(STRATA_PORT="0" + str(program.port))
    assert program.stop() < 5

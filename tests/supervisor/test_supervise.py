"""The supervisor over small programs that behave well, badly, and very badly."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from supervisor.settings import ROOT
from tests.support.processes import MARK, marked, wait_until

GOOD = "import time; print('up'); time.sleep(600)"
STUBBORN = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up'); time.sleep(600)"
PARENT = "import subprocess, time; subprocess.Popen(['sleep', '600']); print('up'); time.sleep(600)"
DAEMON = (
    "import subprocess, time; subprocess.Popen(['sleep', '600'], start_new_session=True);"
    "print('up'); time.sleep(600)"
)
BROKEN = "import sys; print('no such setting'); sys.exit(3)"


class Run:
    """One run of tests/supervisor/small.py."""

    def __init__(self, mark: str, log: Path, *programs: str) -> None:
        self.mark = mark
        self._log = log
        with log.open("wb") as out:
            self.popen = subprocess.Popen(
                [sys.executable, "-m", "tests.supervisor.small", *programs],
                cwd=ROOT,
                env={**os.environ, MARK: mark},
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    @property
    def output(self) -> str:
        return self._log.read_text()

    def wait_for(self, text: str) -> None:
        wait_until(lambda: text in self.output, 20, f"{text!r} in {self.output}")

    def pid_of(self, code: str) -> int:
        pids = [pid for pid, command in marked(self.mark).items() if command.endswith(f"-u -c {code}")]
        assert len(pids) == 1, marked(self.mark)
        return pids[0]


@pytest.fixture
def run(mark: str, tmp_path: Path) -> Iterator[Callable[..., Run]]:
    runs: list[Run] = []

    def start(*programs: str) -> Run:
        runs.append(Run(mark, tmp_path / f"{len(runs)}.log", *programs))
        return runs[-1]

    yield start
    for each in runs:
        each.popen.kill()
        each.popen.wait()


def test_announces_ready_only_after_every_program_said_so(run: Callable[..., Run]) -> None:
    started = run(GOOD, "import time; time.sleep(1); print('up late'); time.sleep(600)")
    started.wait_for("| welcome")
    lines = [line.split("|", 1)[1].strip() for line in started.output.splitlines()]
    assert lines.index("prepared") < lines.index("up")
    assert lines.index("up late") < lines.index("Strata is ready at http://test") < lines.index("welcome")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_every_process_in_time(run: Callable[..., Run], number: signal.Signals) -> None:
    """Programs that ignore TERM, that have children, and that left daemons in other sessions all end."""
    started = run(GOOD, STUBBORN, PARENT, DAEMON)
    started.wait_for("Strata is ready")
    # The supervisor, its guard, the store, four programs, two sleeps.
    wait_until(lambda: len(marked(started.mark)) == 9, 10, f"nine processes: {marked(started.mark)}")
    before = time.monotonic()
    started.popen.send_signal(number)
    assert started.popen.wait(timeout=10) == 0
    assert time.monotonic() - before < 5
    wait_until(lambda: not marked(started.mark), 1, f"left: {marked(started.mark)}")
    assert "p1 did not end in time: killed" in re.sub(" +", " ", started.output)
    assert "| last" in started.output


def test_kill_of_the_supervisor_leaves_nothing_for_long(run: Callable[..., Run]) -> None:
    """The guard ends programs and their children when the supervisor is killed outright."""
    started = run(GOOD, STUBBORN, PARENT)
    started.wait_for("Strata is ready")
    started.popen.kill()
    wait_until(lambda: not marked(started.mark), 10, f"left: {marked(started.mark)}")


def test_a_killed_program_comes_back_and_its_children_do_not_pile_up(run: Callable[..., Run]) -> None:
    started = run(PARENT)
    started.wait_for("Strata is ready")
    first = started.pid_of(PARENT)
    os.kill(first, signal.SIGKILL)
    started.wait_for("p0 was ended by SIGKILL; starting it again in 0.5 s")
    wait_until(lambda: started.output.count("| up\n") == 2, 10, "a second start")
    assert started.pid_of(PARENT) != first
    assert sum(command == "sleep 600" for command in marked(started.mark).values()) == 1


def test_a_program_that_cannot_start_ends_the_run_with_one_clear_line(run: Callable[..., Run]) -> None:
    started = run(GOOD, BROKEN)
    assert started.popen.wait(timeout=20) == 1
    last = started.output.splitlines()[-1]
    assert last == "strata: p1 does not start: it ended with exit code 3; its lines above say why."
    assert "no such setting" in started.output
    assert not marked(started.mark)


def test_last_words_of_a_dying_program_are_printed(run: Callable[..., Run]) -> None:
    """Output that was written just before the end, and is still in the pipe, is not lost."""
    started = run("print('up'); print('x' * 60000); print('my last words')")
    started.wait_for("my last words")

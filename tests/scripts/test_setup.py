"""The set-up of a fresh machine, as far as it can be seen without changing this one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.setup import Problem, packages, tools
from scripts.setup.tools import Tool
from supervisor.settings import ROOT

MUST = Tool("a thing", ("no-such-thing",), dict.fromkeys(("apt-get", "dnf", "apk"), ("thing",)))
MAY = Tool("another", ("no-such-other",), dict.fromkeys(("apt-get", "dnf", "apk"), ("other",)), "containers")


@pytest.fixture
def ordinary_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(packages, "manager", lambda: "apt-get")


@pytest.mark.usefixtures("ordinary_user")
def test_a_missing_must_says_exactly_what_to_install() -> None:
    with pytest.raises(Problem, match=r"A thing is missing\. Install it: sudo apt-get install thing other$"):
        packages.ensure([MUST, MAY])


@pytest.mark.usefixtures("ordinary_user")
def test_a_missing_extra_only_warns(capsys: pytest.CaptureFixture[str]) -> None:
    packages.ensure([MAY])
    said = capsys.readouterr().out
    assert "Without another, containers cannot run. To install: sudo apt-get install other" in said


def test_as_root_alternatives_are_tried_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the first package does not exist (Redis became Valkey), the second is installed."""
    tried: list[list[str]] = []
    alternatives = Tool("Redis", ("no-such-thing",), {"apk": ("valkey", "redis")}, needed_for="a test")

    def run(by: str, names: list[str]) -> subprocess.CompletedProcess[str]:
        tried.append(list(names))
        return subprocess.CompletedProcess([], 0 if names == ["redis"] else 1, stdout="no such package\n")

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(packages, "manager", lambda: "apk")
    monkeypatch.setattr(packages, "install", run)
    packages.ensure([alternatives])
    assert tried == [["valkey"], ["valkey"], ["redis"]]


def test_nothing_is_asked_of_a_package_manager_when_all_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "install", lambda *_: pytest.fail("installed something"))
    packages.ensure([Tool("Python", ("python3", "sh"), {})])


def test_programs_of_administrators_are_found_by_everyone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Debian keeps runc in /usr/sbin, which an ordinary user's PATH leaves out."""
    (tmp_path / "runc").write_text("#!/bin/sh\n")
    (tmp_path / "runc").chmod(0o755)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(tools, "_MORE_PATHS", (str(tmp_path),))
    assert Tool("runc", ("runc",), {}).find() == str(tmp_path / "runc")


def test_no_python_is_one_clear_line() -> None:
    result = subprocess.run(
        ["/bin/sh", str(ROOT / "scripts" / "find-python")],
        env={"PATH": "/nowhere"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode != 0
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert "needs Python 3.11 or newer" in line


def test_an_old_python_is_passed_over(tmp_path: Path) -> None:
    """A python3 that is too old, or a shim that does not run, is skipped for the next name."""
    for name, line in (("python3", "exit 1"), ("python3.13", f'exec "{sys.executable}" "$@"')):
        (tmp_path / name).write_text(f"#!/bin/sh\n{line}\n")
        (tmp_path / name).chmod(0o755)
    result = subprocess.run(
        [str(ROOT / "scripts" / "find-python")],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == str(tmp_path / "python3.13")


def test_help_names_every_target_that_a_person_calls() -> None:
    # The tests may run under a make themselves, which tells its children so in these.
    env = {
        name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}
    }
    result = subprocess.run(["make"], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    targets = [line.split()[1] for line in result.stdout.splitlines()]
    assert targets == ["help", "setup", "run", "demo", "test", "check", "bench", "fuzz", "lock", "clean"]

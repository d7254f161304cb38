"""``manage.py`` may be started by any Python."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

MANAGE = Path(__file__).resolve().parent.parent / "manage.py"


def run(manage: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it by this Python without its installed packages (-S), as a bare ``python3`` would."""
    return subprocess.run(
        [sys.executable, "-S", "-E", manage, *arguments],
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"]},
        check=False,
    )


def test_without_a_set_up_it_says_what_to_do(tmp_path: Path) -> None:
    shutil.copy(MANAGE, tmp_path)
    ended = run(tmp_path / "manage.py", "pull", "alpine")
    assert ended.returncode == 1
    assert ended.stderr == "error: Strata is not set up yet. Run `make setup` first.\n"


def test_with_one_it_goes_on_there(tmp_path: Path) -> None:
    """The environment's Python gets the same command."""
    shutil.copy(MANAGE, tmp_path)
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\nshift\necho "there: $*"\n')
    python.chmod(0o755)
    ended = run(tmp_path / "manage.py", "pull", "alpine")
    assert ended.stdout == "there: pull alpine\n"


def test_a_mistake_in_the_environment_is_one_line() -> None:
    ended = subprocess.run(
        [sys.executable, MANAGE, "version"],
        capture_output=True,
        text=True,
        env={**os.environ, "STRATA_DEBUG": "perhaps"},
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr == "error: STRATA_DEBUG: 'perhaps' is neither yes nor no\n"

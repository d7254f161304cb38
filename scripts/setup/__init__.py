"""Set up a fresh checkout: virtual environment, system tools, stylesheets; what is done is skipped."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence

from scripts import ROOT


class Problem(Exception):
    """The set-up cannot go on; the message is one line that says why and what to do."""


def say(text: str) -> None:
    print(f"setup | {text}", flush=True)


def run(command: Sequence[str], env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command in the checkout, silently: all that it says is the result's ``stdout``.

    ``env`` are variables on top of this process's own.
    """
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )


def need(result: subprocess.CompletedProcess[str], problem: str) -> None:
    """Raise Problem if the command failed, below what it said."""
    if result.returncode != 0:
        print(result.stdout, end="", file=sys.stderr)
        raise Problem(problem)

"""The virtual environment, installed from a lock with hashes."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from scripts import ROOT
from scripts.setup import need, packages, run, say

VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
_PROBE = "import sys, pip; print(sys.prefix, *sys.version_info[:2])"


def ensure(*locks: str) -> None:
    """Make ``.venv`` and install the last of ``locks``, which includes the others; skip what is done."""
    if not _usable():
        _make()
    if all(_stamp(lock).is_file() and _stamp(lock).read_text() == _wanted(lock) for lock in locks):
        return
    count = sum("==" in line for line in (ROOT / locks[-1]).read_text().splitlines())
    say(f"Installing {count} Python packages into .venv")
    command = [str(PYTHON), "-m", "pip", "install", "--require-hashes", "--requirement", locks[-1]]
    result = run([*command, "--quiet", "--disable-pip-version-check", "--no-input"])
    need(result, "The Python packages could not be installed; pip's lines above say why.")
    for lock in locks:
        _stamp(lock).write_text(_wanted(lock))


def _usable() -> bool:
    """Tell whether ``.venv`` works, was made here (it breaks when moved), and by this Python."""
    if not PYTHON.exists():
        return False
    result = run([str(PYTHON), "-I", "-c", _PROBE])
    prefix, _, version = result.stdout.strip().partition(" ")
    return result.returncode == 0 and Path(prefix) == VENV and version == _own_version()


def _own_version() -> str:
    return f"{sys.version_info[0]} {sys.version_info[1]}"


def _make() -> None:
    say(f"Making .venv with Python {sys.version_info[0]}.{sys.version_info[1]}")
    result = _run_venv()
    as_root = os.geteuid() == 0
    if result.returncode != 0 and as_root and packages.manager() == "apt-get":
        # Debian keeps the module ensurepip in a package of its own.
        packages.refresh("apt-get")
        packages.install("apt-get", [_debian_package()])
        result = _run_venv()
    need(result, f"Python's venv does not work; on Debian: apt-get install {_debian_package()}")


def _run_venv() -> subprocess.CompletedProcess[str]:
    shutil.rmtree(VENV, ignore_errors=True)
    return run([sys.executable, "-m", "venv", str(VENV)])


def _debian_package() -> str:
    return f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"


def _stamp(lock: str) -> Path:
    return VENV / f"strata-{lock}.stamp"


def _wanted(lock: str) -> str:
    return f"{hashlib.sha256((ROOT / lock).read_bytes()).hexdigest()} python {_own_version()}\n"

"""Install system packages, quietly and without starting any service."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

from scripts.setup import Problem, run, say
from scripts.setup.tools import Tool

_INSTALL = {
    "apt-get": ("apt-get", "install", "--yes", "--no-install-recommends"),
    "dnf": ("dnf", "install", "--assumeyes", "--setopt=install_weak_deps=False"),
    "apk": ("apk", "add", "--no-cache"),
}
_QUIET = {"DEBIAN_FRONTEND": "noninteractive"}
_POLICY = Path("/usr/sbin/policy-rc.d")


def manager() -> str | None:
    """Return the package manager of this system, or None if it is none that we know."""
    return next((name for name in _INSTALL if shutil.which(name)), None)


def ensure(tools: Sequence[Tool]) -> None:
    """Install what is missing of ``tools`` as root, else say how; raise Problem if a must stays missing."""
    missing = [tool for tool in tools if tool.find() is None]
    if not missing:
        return
    by = manager()
    if by and os.geteuid() == 0:
        say(f"Installing {', '.join(tool.name for tool in missing)} with {by}")
        _install(by, missing)
        missing = [tool for tool in tools if tool.find() is None]
    musts = [tool for tool in missing if not tool.needed_for]
    if musts:
        raise Problem(f"{_names(musts).capitalize()} is missing. Install it: {advice(by, missing)}")
    purposes: dict[str, list[Tool]] = {}
    for tool in missing:
        purposes.setdefault(tool.needed_for, []).append(tool)
    for purpose, lacking in purposes.items():
        say(f"Without {_names(lacking)}, {purpose} cannot run. To install: {advice(by, lacking)}")


def advice(by: str | None, tools: Sequence[Tool]) -> str:
    """Return the command that installs ``tools``, or their names where no package manager is known."""
    if by is None:
        return " ".join(tool.commands[0] for tool in tools)
    sudo = () if os.geteuid() == 0 else ("sudo",)
    return " ".join((*sudo, *_INSTALL[by][:2], *(tool.packages[by][0] for tool in tools)))


def install(by: str, names: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Install packages by name; the caller looks at the exit code."""
    with _no_services() if by == "apt-get" else nullcontext():
        return run((*_INSTALL[by], *names), _QUIET)


def refresh(by: str) -> None:
    """Bring the list of packages up to date, where the manager does not do that by itself."""
    if by == "apt-get":
        run(("apt-get", "update"), _QUIET)


def _install(by: str, tools: Sequence[Tool]) -> None:
    refresh(by)
    if install(by, [tool.packages[by][0] for tool in tools]).returncode == 0:
        return
    for tool in tools:
        results = []
        for name in tool.packages[by]:
            results.append(install(by, [name]))
            if results[-1].returncode == 0:
                break
        else:
            say(f"{by} could not install {tool.name}: {_last_line(results[-1].stdout)}")


@contextmanager
def _no_services() -> Iterator[None]:
    """Keep Debian's packages from starting their services; a policy that is there already stays as it is."""
    if _POLICY.exists():
        yield
        return
    _POLICY.write_text("#!/bin/sh\nexit 101\n")
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink(missing_ok=True)


def _names(tools: Sequence[Tool]) -> str:
    return " and ".join(tool.name for tool in tools)


def _last_line(text: str) -> str:
    return next((line for line in reversed(text.splitlines()) if line.strip()), "no reason given")

"""What this machine has for running containers, and what is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from worker.engine.containers import defaults, kernel
from worker.engine.containers.driver import Runtime
from worker.engine.containers.spec import HostFeatures
from worker.engine.errors import RuntimeMissing, RuntimeUnsupported

CgroupMode = Literal["v1", "v2", "hybrid", "none"]

_CGROUP = Path("/sys/fs/cgroup")
_CAP_SYS_ADMIN = 21


@dataclass(frozen=True, slots=True)
class HostReport:
    """What was found.

    Attributes:
        runtime: The runtime that works here, ``runc`` or ``crun``; None if none does.
        conmon: The monitor.
        cgroup: How control groups are mounted.
        problems: Why containers can not run here: one sentence each, with what to do. Empty means they can.
    """

    runtime: Path | None
    conmon: Path | None
    cgroup: CgroupMode
    problems: tuple[str, ...]


def inspect_host() -> HostReport:
    """Look at this machine; takes some milliseconds and changes nothing."""
    runc, crun, conmon = _find("runc"), _find("crun"), _find("conmon")
    cgroup = cgroup_mode(_CGROUP)
    problems = list(_kernel_problems(cgroup))
    # crun speaks only the unified hierarchy, and refuses the others even when told to leave groups alone.
    runtime = runc or (crun if cgroup == "v2" else None)
    if runtime is None and crun is not None:
        problems.append(f"crun needs cgroup v2, and this machine has {cgroup}: install runc.")
    elif runtime is None:
        problems.append("No container runtime was found: install runc (or crun).")
    if conmon is None:
        problems.append("conmon was not found: install conmon.")
    return HostReport(runtime, conmon, cgroup, tuple(problems))


def runtime_here() -> Runtime:
    """The runtime to use on this machine.

    Raises:
        RuntimeMissing: a program is not installed.
        RuntimeUnsupported: the machine itself can not.
    """
    report = inspect_host()
    if report.runtime is None or report.conmon is None:
        raise RuntimeMissing("Containers can not run on this machine.", hint=" ".join(report.problems))
    if report.problems:
        raise RuntimeUnsupported("Containers can not run on this machine.", hint=" ".join(report.problems))
    return Runtime(report.runtime, report.conmon, features(report.runtime))


def features(runtime: Path) -> HostFeatures:
    """What kernel and runtime can do here, as far as a container's spec depends on it."""
    version = subprocess.run(
        [runtime, "--version"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30
    ).stdout
    return HostFeatures(
        cgroup_namespace=Path("/proc/self/ns/cgroup").exists(),
        seccomp="seccomp" in version.lower() and _status("Seccomp") is not None,
        pids_limit=_can_limit_pids(_CGROUP),
    )


def cgroup_mode(root: Path) -> CgroupMode:
    """Tell how control groups are mounted below ``root`` (/sys/fs/cgroup)."""
    if (root / "cgroup.controllers").exists():
        return "v2"
    if (root / "unified" / "cgroup.controllers").exists():
        return "hybrid"
    if root.is_dir() and any((child / "cgroup.procs").exists() for child in root.iterdir()):
        return "v1"
    return "none"


def _can_limit_pids(root: Path) -> bool:
    if (root / "pids" / "cgroup.procs").exists():
        return True
    enabled = root / "cgroup.subtree_control"
    return enabled.exists() and "pids" in enabled.read_text().split()


def _find(program: str) -> Path | None:
    # A worker's own PATH often lacks some of the places where system packages put programs.
    found = shutil.which(program) or shutil.which(program, path=defaults.PATH)
    return Path(found) if found else None


def _kernel_problems(cgroup: CgroupMode) -> list[str]:
    problems = []
    if not int(_status("CapEff") or "0", 16) >> _CAP_SYS_ADMIN & 1:
        problems.append("The worker may not mount: run it as root, or give it CAP_SYS_ADMIN.")
    if not _has_openat2():
        problems.append("The kernel is too old: Linux 5.6 or newer is needed.")
    if cgroup == "none":
        problems.append("Control groups are not mounted: mount /sys/fs/cgroup.")
    elif not any(os.access(path, os.W_OK) for path in (_CGROUP, *_CGROUP.glob("*/cgroup.procs"))):
        problems.append("Control groups are read-only here: mount /sys/fs/cgroup writable.")
    return problems


def _status(field: str) -> str | None:
    for line in Path("/proc/self/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return value.strip()
    return None


def _has_openat2() -> bool:
    top = os.open("/", os.O_PATH | os.O_CLOEXEC)
    try:
        os.close(kernel.openat2(top, ".", os.O_PATH, kernel.RESOLVE_IN_ROOT))
    except OSError:
        return False
    finally:
        os.close(top)
    return True

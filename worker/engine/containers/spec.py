"""The runtime's config.json, from an image's config and what the user asked for.

OCI runtime spec 1.0 (config.md, config-linux.md), with the choices of Docker. The network is a namespace of
its own with nothing but loopback: a container here can talk to itself, and to nobody.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from worker.engine.containers import defaults, seccomp
from worker.engine.containers.plan import ContainerPlan
from worker.engine.containers.users import User
from worker.engine.errors import CommandNotFound
from worker.engine.oci import ImageConfig


@dataclass(frozen=True, slots=True)
class Process:
    """What runs in the container.

    Attributes:
        args: The program and its arguments.
        env: ``NAME=value`` each; ``PATH``, ``HOME`` and ``HOSTNAME`` are always there.
        cwd: Absolute. The runtime creates it, inside of the tree, when it is missing.
        user: Who runs it.
    """

    args: tuple[str, ...]
    env: tuple[str, ...]
    cwd: str
    user: User

    @property
    def search_path(self) -> str:
        """The value of ``PATH``."""
        return next(item for item in self.env if item.startswith("PATH=")).removeprefix("PATH=")


@dataclass(frozen=True, slots=True)
class HostFeatures:
    """What of this machine decides about a spec.

    Attributes:
        cgroup_namespace: The kernel has them.
        seccomp: Kernel and runtime can filter system calls.
        pids_limit: The number of processes can be limited.
    """

    cgroup_namespace: bool = True
    seccomp: bool = True
    pids_limit: bool = True


def hostname_of(plan: ContainerPlan) -> str:
    """The hostname: as asked for, else from the id (without what a hostname may not have)."""
    return plan.hostname or plan.id[:12].replace("_", "-").strip(".-")


def process_of(plan: ContainerPlan, user: User) -> Process:
    """Decide what runs.

    Raises:
        CommandNotFound: neither the image nor the user names a program.
    """
    return Process(
        args=command_line(plan.config, plan.command),
        env=environment(plan.config.env, plan.env, home=user.home, hostname=hostname_of(plan)),
        cwd=posixpath.normpath(posixpath.join("/", plan.config.working_dir)).replace("//", "/"),
        user=user,
    )


def command_line(config: ImageConfig, command: Sequence[str]) -> tuple[str, ...]:
    """Join entrypoint and command as Docker does: ``command`` replaces ``Cmd``, ``Entrypoint`` stays.

    Raises:
        CommandNotFound: nothing is left to run.
    """
    args = (*config.entrypoint, *(command or config.cmd))
    if not args:
        raise CommandNotFound("The image names no program to run.", hint="Give a command.")
    return args


def environment(
    image: Sequence[str], extra: Mapping[str, str], *, home: str, hostname: str
) -> tuple[str, ...]:
    """Merge variables; later ones win: defaults, the image's, the user's. Those without ``=`` are dropped."""
    merged = {"PATH": defaults.PATH, "HOSTNAME": hostname, "HOME": home}
    merged |= dict(item.split("=", 1) for item in image if item.partition("=")[0] and "=" in item)
    merged |= extra
    return tuple(f"{name}={value}" for name, value in merged.items())


def runtime_spec(
    plan: ContainerPlan, process: Process, *, rootfs: Path, generated: Path, features: HostFeatures
) -> dict[str, Any]:
    """Compose config.json.

    Args:
        rootfs: The merged tree.
        generated: The directory that holds :data:`defaults.GENERATED_FILES`.
    """
    return {
        "ociVersion": "1.0.2",
        "process": _process(process),
        "root": {"path": str(rootfs), "readonly": False},
        "hostname": hostname_of(plan),
        "mounts": [*defaults.MOUNTS, *(_bind(generated, name) for name in defaults.GENERATED_FILES)],
        "linux": _linux(plan.id, features),
    }


def generated_files(hostname: str) -> dict[str, str]:
    """The content of the files that each container gets of its own, by their path below ``/``."""
    return {
        "etc/hostname": f"{hostname}\n",
        "etc/hosts": (
            f"127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n127.0.0.1\t{hostname}\n"
        ),
        "etc/resolv.conf": "# This container has no network beyond loopback.\n",
    }


def _process(process: Process) -> dict[str, Any]:
    user: dict[str, Any] = {"uid": process.user.uid, "gid": process.user.gid}
    if process.user.groups:
        user["additionalGids"] = list(process.user.groups)
    # A user other than root starts with none, as after execve(2). Nothing is ever inheritable, or a file
    # capability would hand the whole set to an ordinary user (CVE-2022-24769).
    capabilities = {"bounding": list(defaults.CAPABILITIES)}
    if process.user.uid == 0:
        capabilities |= {"effective": list(defaults.CAPABILITIES), "permitted": list(defaults.CAPABILITIES)}
    return {
        "terminal": False,
        "user": user,
        "args": list(process.args),
        "env": list(process.env),
        "cwd": process.cwd,
        "capabilities": capabilities,
        "noNewPrivileges": False,
        "oomScoreAdj": 0,
    }


def _bind(directory: Path, name: str) -> dict[str, Any]:
    return {
        "destination": f"/{name}",
        "type": "bind",
        "source": str(directory / name),
        "options": ["rbind", "rprivate", "nosuid", "nodev", "noexec"],
    }


def _linux(container_id: str, features: HostFeatures) -> dict[str, Any]:
    namespaces = ["pid", "mount", "ipc", "uts", "network"]
    if features.cgroup_namespace:
        namespaces.append("cgroup")
    resources: dict[str, Any] = {"devices": list(defaults.DENY_ALL_DEVICES)}
    if features.pids_limit:
        resources["pids"] = {"limit": defaults.MAX_PROCESSES}
    linux: dict[str, Any] = {
        "namespaces": [{"type": name} for name in namespaces],
        "cgroupsPath": f"/strata/{container_id}",
        "resources": resources,
        "maskedPaths": list(defaults.MASKED_PATHS),
        "readonlyPaths": list(defaults.READONLY_PATHS),
    }
    filter_ = seccomp.profile() if features.seccomp else None
    if filter_ is not None:
        linux["seccomp"] = filter_
    return linux

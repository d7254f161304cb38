"""What every container gets unless something says otherwise: Docker's defaults, as data.

The names are those of the OCI runtime spec (config.md and config-linux.md).
"""

from __future__ import annotations

from typing import Any

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

CAPABILITIES = (
    "CAP_AUDIT_WRITE",
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_MKNOD",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_RAW",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
)

MASKED_PATHS = (
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
)

READONLY_PATHS = (
    "/proc/bus",
    "/proc/fs",
    "/proc/irq",
    "/proc/sys",
    "/proc/sysrq-trigger",
    # On cgroup v1, runc leaves the tmpfs that holds the hierarchies writable.
    "/sys/fs/cgroup",
)

MAX_PROCESSES = 4096
"""A fork bomb ends here, and not when the machine does. Docker sets no limit, podman 2048."""

DENY_ALL_DEVICES = ({"allow": False, "access": "rwm"},)
"""The runtime itself then allows the harmless ones (null, zero, full, random, urandom, tty, pts)."""


def _mount(target: str, fstype: str, *options: str, source: str = "") -> dict[str, Any]:
    return {"destination": target, "type": fstype, "source": source or fstype, "options": list(options)}


MOUNTS = (
    _mount("/proc", "proc", "nosuid", "noexec", "nodev"),
    _mount("/dev", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
    _mount("/dev/pts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"),
    _mount("/dev/shm", "tmpfs", "nosuid", "noexec", "nodev", "mode=1777", "size=65536k", source="shm"),  # noqa: S108
    _mount("/dev/mqueue", "mqueue", "nosuid", "noexec", "nodev"),
    _mount("/sys", "sysfs", "nosuid", "noexec", "nodev", "ro"),
    _mount("/sys/fs/cgroup", "cgroup", "nosuid", "noexec", "nodev", "relatime", "ro"),
)
"""Kernel file systems. None of them is writable where it reaches the machine outside."""

SKELETON = ("dev/mqueue", "dev/pts", "dev/shm", "etc", "proc", "sys")
"""Directories on which the above are mounted; see :mod:`worker.engine.containers.home`."""

GENERATED_FILES = ("etc/hostname", "etc/hosts", "etc/resolv.conf")
"""Files that are made per container and mounted over the image's own."""

"""System calls that a container may not make: what Docker's default profile takes away.

Docker lists some 350 calls that are allowed; this lists what is left. Most of it needs capabilities that a
container does not have anyway; what counts is the rest: the kernel's keyrings (not divided by namespaces),
new user namespaces, and other people's favourite ways into the kernel (bpf, io_uring, userfaultfd).
A program meets an error, never a kill.
"""

from __future__ import annotations

import errno
import platform
from typing import Any

# fmt: off
_DENIED = [
    "acct", "add_key", "bpf", "clock_adjtime", "clock_settime", "create_module", "delete_module",
    "fanotify_init", "finit_module", "fsconfig", "fsmount", "fsopen", "fspick", "get_kernel_syms",
    "init_module", "ioperm", "iopl", "kcmp", "kexec_file_load", "kexec_load", "keyctl", "lookup_dcookie",
    "mount", "mount_setattr", "move_mount", "move_pages", "nfsservctl", "open_by_handle_at", "open_tree",
    "perf_event_open", "pivot_root", "query_module", "quotactl", "quotactl_fd", "reboot", "request_key",
    "setdomainname", "sethostname", "setns", "settimeofday", "stime", "swapoff", "swapon", "sysfs",
    "syslog", "umount", "umount2", "unshare", "uselib", "userfaultfd", "ustat", "vhangup", "vm86",
    "vm86old",
]
# fmt: on

# A libc that meets "no such call" falls back to older ones; "not permitted" would make it give up.
_PRETEND_ABSENT = ["clone3", "io_uring_enter", "io_uring_register", "io_uring_setup"]

_CLONE_NEW_ANYTHING = 0x7E020000  # the CLONE_NEW* flags; clone3 hides them in memory, hence its absence

_ARCHITECTURES = {
    "x86_64": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
    "aarch64": ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
    "ppc64le": ["SCMP_ARCH_PPC64LE"],
    "s390x": ["SCMP_ARCH_S390X", "SCMP_ARCH_S390"],
    "riscv64": ["SCMP_ARCH_RISCV64"],
}


def profile(machine: str | None = None) -> dict[str, Any] | None:
    """The profile for the runtime spec (config-linux.md, "Seccomp"); None for unknown machines.

    Args:
        machine: As uname(2) names it; None means this one.
    """
    machine = machine if machine is not None else platform.machine()
    if machine not in _ARCHITECTURES:
        return None
    return {
        "defaultAction": "SCMP_ACT_ALLOW",
        "architectures": _ARCHITECTURES[machine],
        "syscalls": [
            _rule(_DENIED, errno.EPERM),
            _rule(_PRETEND_ABSENT, errno.ENOSYS),
            *_new_namespaces(machine),
        ],
    }


def _new_namespaces(machine: str) -> list[dict[str, Any]]:
    """One rule per flag: masks compare for equality, and "any of these bits" can not be said in one."""
    index = 1 if machine == "s390x" else 0  # clone(2) has its arguments in another order there
    flags = [1 << bit for bit in range(32) if _CLONE_NEW_ANYTHING >> bit & 1]
    return [
        _rule(
            ["clone"],
            errno.EPERM,
            {"index": index, "value": flag, "valueTwo": flag, "op": "SCMP_CMP_MASKED_EQ"},
        )
        for flag in flags
    ]


def _rule(names: list[str], number: int, *conditions: dict[str, Any]) -> dict[str, Any]:
    rule: dict[str, Any] = {"names": names, "action": "SCMP_ACT_ERRNO", "errnoRet": number}
    if conditions:
        rule["args"] = list(conditions)
    return rule

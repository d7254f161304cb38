"""Giving up: the process that reads what strangers wrote keeps one directory and the rights to fill it.

It loses the network, all other files, every mount, and every capability that writing a tree does not need
(namespaces(7), pivot_root(2), capabilities(7)). There is no way back: the tree's mount lets no device node be
opened and no program run, and without CAP_SYS_ADMIN no other mount can be made.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal

from worker.engine.errors import SandboxError

_CLONE_NEWNS, _CLONE_NEWUTS, _CLONE_NEWIPC, _CLONE_NEWNET = 0x00020000, 0x04000000, 0x08000000, 0x40000000
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_REMOUNT, _MS_BIND = 0x2, 0x4, 0x8, 0x20, 0x1000
_MS_MOVE, _MS_REC, _MS_PRIVATE = 0x2000, 0x4000, 0x40000
_MNT_DETACH = 2
_PR_SET_PDEATHSIG, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 1, 24, 38
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
_CAPABILITY_VERSION_3 = 0x20080522

_CHOWN, _DAC_OVERRIDE, _FOWNER, _FSETID, _MKNOD, _SETFCAP = 0, 1, 3, 4, 27, 31
KEPT_CAPABILITIES = (_CHOWN, _DAC_OVERRIDE, _FOWNER, _FSETID, _MKNOD, _SETFCAP)
"""To set owner, mode, set-ID bits and file capabilities of what is written, and to make device nodes."""

_OPEN_FILES = 256

_libc = ctypes.CDLL(None, use_errno=True)


def end_with(parent: int) -> None:
    """End this process when its parent does, and at once if that is gone already; holds in the jail, too."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def enter(tree: bytes, memory_bytes: int) -> None:
    """Make ``tree`` all there is for this process, from now on; it becomes the working directory.

    Everything that will be needed must be imported and opened before.

    Args:
        memory_bytes: Bound on the memory that the process may have (RLIMIT_DATA).

    Raises:
        SandboxError: the kernel refuses a part of it; nothing may be trusted to this process then.
    """
    try:
        _limit(memory_bytes)
        _call("unshare", _CLONE_NEWNS | _CLONE_NEWNET | _CLONE_NEWIPC | _CLONE_NEWUTS)
        _call("mount", None, b"/", None, _MS_REC | _MS_PRIVATE, None)
        _call("mount", tree, tree, None, _MS_BIND, None)
        os.chdir(tree)
        flags = _MS_REMOUNT | _MS_BIND | _MS_NOSUID | _MS_NODEV | _MS_NOEXEC
        _call("mount", None, b".", None, flags, None)
        _change_root()
        os.umask(0)
        if os.getgroups():
            os.setgroups([])
        _call("prctl", _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        _drop_capabilities()
    except OSError as error:
        raise SandboxError(
            f"The jail for extraction cannot be built: {error.filename or 'system call'}: {error.strerror}.",
            hint="Run the worker as root with CAP_SYS_ADMIN (see docs/operations.md).",
        ) from error


def _limit(memory_bytes: int) -> None:
    for kind, value in (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_DATA, memory_bytes),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
    ):
        _, hard = resource.getrlimit(kind)
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (bound, bound))


def _change_root() -> None:
    """Put the working directory in the place of the root, and let go of the old root."""
    try:
        # Stacked on the old root's own mount point, which is then uncovered and taken away (pivot_root(2)).
        _call("pivot_root", b".", b".")
        _call("umount2", b".", _MNT_DETACH)
    except OSError:
        # The root is an initramfs, which cannot be pivoted away from, only covered.
        _call("mount", b".", b"/", None, _MS_MOVE, None)
        os.chroot(b".")
    os.chdir(b"/")


def _drop_capabilities() -> None:
    """Keep what is needed, as far as this process has it; and let nothing ever add to it."""
    _call("prctl", _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    capability = 0
    while _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) == 0:
        capability += 1  # until the kernel knows no more of them
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    # effective, permitted, inheritable of capabilities 0 to 31; then of those from 32 on
    data = (ctypes.c_uint32 * 6)()
    _call("capget", header, data)
    kept = data[1] & sum(1 << number for number in KEPT_CAPABILITIES)
    _call("capset", header, (ctypes.c_uint32 * 6)(kept, kept, 0, 0, 0, 0))


def _call(name: str, *arguments: object) -> None:
    if getattr(_libc, name)(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), name)

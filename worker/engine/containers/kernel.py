"""The few system calls that containers need and Python 3.11 does not offer.

All of them go through libc by ctypes; errors are ``OSError`` with the kernel's errno.
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

MS_NODEV = 0x4
MNT_DETACH = 0x2
UMOUNT_NOFOLLOW = 0x8

RESOLVE_NO_XDEV = 0x01
RESOLVE_NO_MAGICLINKS = 0x02
RESOLVE_NO_SYMLINKS = 0x04
RESOLVE_BENEATH = 0x08
RESOLVE_IN_ROOT = 0x10

_CLONE_FS = 0x200
_SYS_OPENAT2 = 437  # the same on every architecture, as for all system calls since Linux 5.1

_libc = ctypes.CDLL(None, use_errno=True)


class _OpenHow(ctypes.Structure):
    _fields_ = [("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64)]


def _checked(result: int, subject: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), subject)
    return result


def mount(source: str, target: Path, fstype: str, flags: int, options: str) -> None:
    """mount(2). ``options`` beyond one page, less one byte, are cut off by the kernel without an error."""
    _checked(
        _libc.mount(
            os.fsencode(source), os.fsencode(target), fstype.encode(), ctypes.c_ulong(flags), options.encode()
        ),
        str(target),
    )


def umount(target: Path, flags: int) -> None:
    """umount2(2), never following a symbolic link at the end of ``target``."""
    _checked(_libc.umount2(os.fsencode(target), flags | UMOUNT_NOFOLLOW), str(target))


def own_working_directory() -> None:
    """Give the calling thread a working directory (and umask) of its own, apart from its process."""
    _checked(_libc.unshare(_CLONE_FS), "unshare")


def openat2(directory: int, path: str | bytes, flags: int, resolve: int) -> int:
    """openat2(2) (Linux 5.6 and newer); return a file descriptor that is closed on exec."""
    how = _OpenHow(flags=flags | os.O_CLOEXEC, mode=0, resolve=resolve)
    encoded = os.fsencode(path)
    return _checked(
        _libc.syscall(
            ctypes.c_long(_SYS_OPENAT2),
            ctypes.c_int(directory),
            ctypes.c_char_p(encoded),
            ctypes.byref(how),
            ctypes.c_size_t(ctypes.sizeof(how)),
        ),
        os.fsdecode(encoded),
    )

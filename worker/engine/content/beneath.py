"""Finding what stands at a path of a tree that may be hostile, without ever leaving the tree.

What is found is not opened: the descriptor (``O_PATH``) can tell what it is, and nothing else. So no device
is woken, no FIFO waited for, before somebody has looked.
"""

from __future__ import annotations

import errno
import os

from worker.engine.containers import kernel

_LOOK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_ENTER = _LOOK | os.O_DIRECTORY
_BENEATH = kernel.RESOLVE_BENEATH | kernel.RESOLVE_NO_SYMLINKS | kernel.RESOLVE_NO_XDEV
_PATH_MAX = 4096
# Kernels before 5.6 do not know the call; system call filters of their time refuse what they do not know.
_UNKNOWN = frozenset({errno.ENOSYS, errno.EPERM})


def look_up(tree: int, path: bytes) -> int:
    """Return a descriptor (``O_PATH``) of what stands at ``path`` in the open directory ``tree``.

    No link is followed on the way, a link at the end is found itself, no mount point is crossed.

    Raises:
        ValueError: ``path`` is absolute, empty, or has a part that is no name (``..``).
        OSError: there is nothing (or something else on the way), or this process may not look.
    """
    names = path.split(b"/")
    if any(name in (b"", b".", b"..") or b"\0" in name for name in names):
        raise ValueError(f"{path!r} is not a path inside of a tree")
    if len(path) < _PATH_MAX:
        try:
            return kernel.openat2(tree, path, _LOOK, _BENEATH)
        except OSError as error:
            if error.errno not in _UNKNOWN:
                raise
    return walk(tree, names)


def walk(tree: int, names: list[bytes]) -> int:
    """Do the same step by step: for old kernels, and for paths too long for one call."""
    here = os.dup(tree)
    try:
        device = os.fstat(here).st_dev
        for name in names[:-1]:
            deeper = os.open(name, _ENTER, dir_fd=here)
            os.close(here)
            here = deeper
            _stay(here, device, name)
        found = os.open(names[-1], _LOOK, dir_fd=here)
    finally:
        os.close(here)
    try:
        _stay(found, device, names[-1])
    except OSError:
        os.close(found)
        raise
    return found


def _stay(descriptor: int, device: int, name: bytes) -> None:
    if os.fstat(descriptor).st_dev != device:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), name)

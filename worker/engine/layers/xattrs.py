"""Extended attributes: which of a layer's are believed, and OverlayFS's own."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping

OVERLAY_OPAQUE = "trusted.overlay.opaque"
"""OverlayFS's mark on a directory, if its value is ``y``: what the layers below have in it is deleted."""

ACCESS_CONTROL = b"system.posix_acl_access"
"""An access control list. Setting it changes the mode as well (acl(5))."""

_USER = b"user."
_ACCESS_CONTROLS = (ACCESS_CONTROL, b"system.posix_acl_default")
_ACCEPTED = (_USER, b"security.capability", *_ACCESS_CONTROLS)
_REFUSED = (b"user.overlay.",)
_UNKNOWN = (errno.ENOTSUP, errno.EINVAL, errno.EACCES)  # the last: a list for what would be in a file


def accepted(xattrs: dict[bytes, bytes]) -> dict[bytes, bytes]:
    """Keep what a layer may say.

    Not OverlayFS's own marks, by which a layer could hide or redirect what is below it, and nothing else that
    means something only on the machine that built it (``trusted.*``, SELinux labels).
    """
    if not xattrs:
        return xattrs
    return {
        name: value
        for name, value in xattrs.items()
        if name.startswith(_ACCEPTED)
        and not name.startswith(_REFUSED)
        and b"\0" not in name
        and (
            value or name.startswith(_USER)
        )  # an empty capability is taken by the kernel, but never given back
    }


def set_xattrs(file: int, xattrs: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """Set them on an open file or directory.

    Returns:
        Those that it has now, as it has them. That a file system knows no such attributes is no reason to
        fail.
    """
    return _set(file, xattrs, follow=True)


def set_xattrs_at(parent: int, name: bytes, xattrs: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """Set them on a symbolic link or special file in an open directory; see :func:`set_xattrs`.

    These have no attributes of users (xattr(7)).
    """
    possible = {key: value for key, value in xattrs.items() if not key.startswith(_USER)}
    if not possible:
        return {}
    # There is no such call relative to a directory, but for the working directory.
    before = os.open(".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fchdir(parent)
        return _set(name, possible, follow=False)
    finally:
        os.fchdir(before)
        os.close(before)


def clear_xattrs(file: int) -> None:
    """Remove what an open directory got from the one that it was made in, and would pass on."""
    for name in _ACCESS_CONTROLS:
        try:
            os.removexattr(file, name)
        except OSError as error:
            if error.errno not in (errno.ENODATA, *_UNKNOWN):
                raise


def _set(file: int | bytes, xattrs: Mapping[bytes, bytes], *, follow: bool) -> dict[bytes, bytes]:
    kept: dict[bytes, bytes] = {}
    for name, value in xattrs.items():
        try:
            os.setxattr(file, name, value, follow_symlinks=follow)
            # Of access control lists, only what goes beyond the mode is stored.
            kept[name] = (
                value if name not in _ACCESS_CONTROLS else os.getxattr(file, name, follow_symlinks=follow)
            )
        except OSError as error:
            if error.errno not in (errno.ENODATA, *_UNKNOWN):
                raise
    return kept

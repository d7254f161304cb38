"""Extended attributes of a layer's entries: which are believed."""

from __future__ import annotations

import errno
import os

_ACCEPTED = (b"user.", b"security.capability", b"system.posix_acl_access", b"system.posix_acl_default")
_REFUSED = (b"user.overlay.",)


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
        if name.startswith(_ACCEPTED) and not name.startswith(_REFUSED) and b"\0" not in name
    }


def set_xattr(file: int, name: bytes, value: bytes) -> None:
    """Set one on an open file; a file system that knows no such attributes is no reason to fail."""
    try:
        os.setxattr(file, name, value)
    except OSError as error:
        if error.errno not in (errno.ENOTSUP, errno.EINVAL):
            raise

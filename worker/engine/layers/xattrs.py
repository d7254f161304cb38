"""Extended attributes: which of a layer's are believed, and OverlayFS's own."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping

OVERLAY_OPAQUE = "trusted.overlay.opaque"
"""OverlayFS's mark on a directory, if its value is ``y``: what the layers below have in it is deleted."""

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


def set_xattrs(file: int, xattrs: Mapping[bytes, bytes]) -> None:
    """Set them on an open file; a file system that knows no such attributes is no reason to fail."""
    for name, value in xattrs.items():
        try:
            os.setxattr(file, name, value)
        except OSError as error:
            if error.errno not in (errno.ENOTSUP, errno.EINVAL):
                raise

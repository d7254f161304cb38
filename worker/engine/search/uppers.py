"""What a container did to a path of its image: told by its upper directory, without walking it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from worker.engine.search.visibility import State

_OPAQUE = ("trusted.overlay.opaque", "user.overlay.opaque")


def state_in(upper: Path, path: bytes) -> State:
    """Tell whether a container still shows what its image has at ``path``.

    Where the upper directory may not be read, nothing is known of changes: then it is as in the image.
    """
    here = os.fsencode(upper)
    parts = path.split(b"/") if path else []
    for place, part in enumerate(parts):
        if _is_opaque(here):
            return State.DELETED
        here = here + b"/" + part
        try:
            status = os.lstat(here)
        except OSError:
            return State.VISIBLE
        if stat.S_ISCHR(status.st_mode) and status.st_rdev == 0:
            return State.DELETED
        if place == len(parts) - 1:
            return State.SHADOWED
        if not stat.S_ISDIR(status.st_mode):
            return State.DELETED
    return State.VISIBLE


def _is_opaque(directory: bytes) -> bool:
    for name in _OPAQUE:
        try:
            if os.getxattr(directory, name, follow_symlinks=False) == b"y":
                return True
        except OSError:
            continue
    return False

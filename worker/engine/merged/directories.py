"""Directories' attributes on disk: looked up in a layer's tree, and made again elsewhere."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from worker.engine.layers.xattrs import OVERLAY_OPAQUE, accepted, set_xattrs
from worker.engine.merged.inheritance import Attributes, Directory, Found, Layer, Obstacle, parent_of

_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OBSTRUCTED = frozenset({errno.ENOTDIR, errno.ELOOP})
# A path longer than the kernel takes at once is one that nothing in a container can name either.
_ABSENT = frozenset({errno.ENOENT, errno.ENAMETOOLONG})


def look_up(tree: Path, paths: Iterable[bytes], implied: frozenset[bytes]) -> Layer:
    """What a layer's tree has at ``paths``, which hold every path's ancestors too.

    Args:
        implied: The tree's directories that have no attributes of their own.

    Raises:
        OSError: this process may not read it.
    """
    layer: dict[bytes, Found] = {}
    root = os.open(tree, _OPEN)
    try:
        for path in sorted(paths):
            # Only what is in a directory is looked at, so no link of the layer is ever followed.
            if not path or isinstance(layer.get(parent_of(path)), Directory):
                found = _look_up(root, path, path in implied)
                if found is not None:
                    layer[path] = found
    finally:
        os.close(root)
    return layer


def _look_up(root: int, path: bytes, implied: bool) -> Found | None:
    try:
        directory = os.open(path or b".", _OPEN, dir_fd=root)
    except OSError as error:
        if error.errno in _OBSTRUCTED:
            return Obstacle()
        if error.errno in _ABSENT:
            return None
        raise
    try:
        names = os.listxattr(directory)
        return Directory(None if implied else _attributes_of(directory, names), OVERLAY_OPAQUE in names)
    finally:
        os.close(directory)


def _attributes_of(directory: int, names: Iterable[str]) -> Attributes:
    status = os.fstat(directory)
    xattrs = accepted({os.fsencode(name): os.getxattr(directory, name) for name in names})
    return Attributes(stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, status.st_mtime_ns, xattrs)


def make(place: Path, directories: Mapping[bytes, Attributes]) -> None:
    """Make directories: ``place``, which stands for the root among them, and the others in it.

    Raises:
        OSError: the disk is full or refuses.
    """
    place.mkdir()
    root = os.open(place, _OPEN)
    try:
        for path in sorted(directories):
            if path:
                os.mkdir(path, 0o700, dir_fd=root)
        # What is in a directory changes its time, and some attributes are passed on to what is made in it.
        for path, attributes in directories.items():
            _give(root, path or b".", attributes)
    finally:
        os.close(root)


def _give(root: int, path: bytes, attributes: Attributes) -> None:
    directory = os.open(path, _OPEN, dir_fd=root)
    try:
        os.fchown(directory, attributes.uid, attributes.gid)
        os.fchmod(directory, attributes.mode)
        set_xattrs(directory, attributes.xattrs)
        os.utime(directory, ns=(attributes.mtime_ns, attributes.mtime_ns))
    finally:
        os.close(directory)

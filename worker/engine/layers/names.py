"""Names in a layer: where an entry goes, and what whiteouts mean (OCI image spec, layer.md).

Everything is bytes: names need not be text.
"""

from __future__ import annotations

from enum import Enum

from worker.engine.errors import CorruptLayer, UnsafeLayer
from worker.engine.layers.header import NAME_MAX_BYTES

WHITEOUT = b".wh."
OPAQUE = b".wh..wh..opq"
AUFS_LINKS = b".wh..wh.plnk"
_AUFS = b".wh..wh."


class Mark(Enum):
    """What the last component of a name says about the layers below."""

    NONE = "none"
    WHITEOUT = "whiteout"
    """The entry of this name, below, is deleted."""
    OPAQUE = "opaque"
    """Everything in this directory, below, is deleted."""
    IGNORED = "ignored"
    """AUFS's own bookkeeping, which leaked into some old layers."""
    LINKED = "linked"
    """Where AUFS kept a file with several names; these come as hard links to it, and it is none of them."""


def normalise(name: bytes) -> bytes:
    """Turn an entry's name into a path from the tree's root, without ``.``, ``..`` and doubled slashes.

    Absolute names are taken from the tree's root. The root itself is the empty path.

    Raises:
        UnsafeLayer: it leads out of the tree.
        CorruptLayer: it is no possible name.
    """
    if len(name) > NAME_MAX_BYTES:
        raise CorruptLayer(f"The layer has a name of {len(name)} bytes, more than {NAME_MAX_BYTES}.")
    if b"\0" in name:
        raise CorruptLayer(f"The layer has a name with a zero byte: {name[:80]!r}.")
    name = name.removeprefix(b"./")  # as a prefix, not as a set of characters: ".wh.x" keeps its dot
    if name and name[0] not in b"./" and b"/." not in name and b"//" not in name:
        return name.removesuffix(b"/")
    path: list[bytes] = []
    for part in name.split(b"/"):
        if part == b"..":
            if not path:
                raise UnsafeLayer(f"The layer has an entry outside of its tree: {name!r}.")
            path.pop()
        elif part not in (b"", b"."):
            path.append(part)
    return b"/".join(path)


def split(path: bytes) -> tuple[bytes, bytes]:
    """Split a normalised path into its directory and its last component."""
    directory, _, base = path.rpartition(b"/")
    return directory, base


def read_mark(path: bytes) -> tuple[Mark, bytes]:
    """Tell what a normalised path marks, and the path of what is marked.

    Raises:
        UnsafeLayer: a whiteout of ``.`` or ``..``.
        CorruptLayer: a whiteout of nothing, or an entry inside of a whiteout.
    """
    if WHITEOUT not in path:
        return Mark.NONE, path
    if path.startswith(AUFS_LINKS + b"/"):
        return Mark.LINKED, path
    directory, base = split(path)
    if any(part.startswith(WHITEOUT) for part in directory.split(b"/")):
        if any(part.startswith(_AUFS) for part in directory.split(b"/")):
            return Mark.IGNORED, path
        raise CorruptLayer(f"The layer has an entry inside of a whiteout: {path!r}.")
    if base == OPAQUE:
        return Mark.OPAQUE, directory
    if base.startswith(_AUFS):
        return Mark.IGNORED, path
    if not base.startswith(WHITEOUT):
        return Mark.NONE, path
    hidden = base.removeprefix(WHITEOUT)
    if hidden in (b".", b".."):
        raise UnsafeLayer(f"The layer has a whiteout that leads out of its directory: {path!r}.")
    if not hidden:
        raise CorruptLayer(f"The layer has a whiteout of nothing: {path!r}.")
    return Mark.WHITEOUT, directory + b"/" + hidden if directory else hidden

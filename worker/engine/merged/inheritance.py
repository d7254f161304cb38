"""Which attributes directories have in an image, where OverlayFS alone would get them wrong.

A layer may have entries in a directory without one for the directory itself. Unpacked over the layers below,
it leaves the directory as it is there (OCI image spec, layer.md, "Applying Changesets"). Unpacked alone, the
directory is implied: it has to be made, with attributes that nobody asked for; and of a merged directory
OverlayFS shows the attributes of the topmost layer that has it.

Pure: values in, values out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Attributes:
    """What a directory is, beside what is in it. The defaults are those of an implied directory.

    Attributes:
        mode: Permission bits, with set-user-ID, set-group-ID and sticky.
        uid, gid: Owner.
        mtime_ns: Nanoseconds since the epoch.
        xattrs: Extended attributes, without OverlayFS's own.
    """

    mode: int = 0o755
    uid: int = 0
    gid: int = 0
    mtime_ns: int = 0
    xattrs: Mapping[bytes, bytes] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory of one layer.

    Attributes:
        attributes: None if it is implied.
        opaque: What the layers below have in it is deleted. The directory itself is still the same.
    """

    attributes: Attributes | None
    opaque: bool = False


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Anything else of one layer, a whiteout included: it hides what the layers below have at its path."""


Found = Directory | Obstacle
Layer = Mapping[bytes, Found]
"""What a layer has, by path from its root."""

IMPLIED = Attributes()
"""What the layers' trees give an implied directory."""


def inherited(layers: Sequence[Layer]) -> dict[bytes, Attributes]:
    """Tell which directories must be put on top of an image's layers, and with which attributes.

    These are the directories that are implied where they are topmost and described further down, if that
    makes a difference; and those that lead to them, from the root (the empty path) on. Empty for most images.

    Args:
        layers: The base first. Of each, what it has at the paths that any of the layers implies, and on the
            way there (see :func:`with_ancestors`); more does no harm.
    """
    implied = {path for layer in layers for path, found in layer.items() if _is_implied(found)}
    merged = _merge(layers[::-1], with_ancestors(implied))
    wrong = {path for path in implied if _is_wrong(merged[path])}
    return {path: _effective(merged[path]) for path in sorted(with_ancestors(wrong))}


def root_of(layers: Sequence[Layer]) -> Attributes:
    """Tell the attributes of the merged root."""
    return _effective(_merge(layers[::-1], (b"",))[b""])


def with_ancestors(paths: Iterable[bytes]) -> set[bytes]:
    """Add the directories that lead to the paths, from the root on."""
    found: set[bytes] = set()
    for path in paths:
        while path not in found:
            found.add(path)
            path = parent_of(path)
    return found


def parent_of(path: bytes) -> bytes:
    """The directory that a path is in; the root is in itself."""
    return path.rpartition(b"/")[0]


def _merge(topmost_first: Sequence[Layer], paths: Iterable[bytes]) -> dict[bytes, list[Directory]]:
    """What the layers have of the directory that the image shows at each path, the topmost first.

    An empty list if it shows no directory there.
    """
    merged: dict[bytes, list[Directory]] = {}
    visible: dict[bytes, Sequence[Layer]] = {}  # of which layers something is seen in a directory
    for path in sorted(paths):  # each after the directory that it is in
        parts = list(_parts(visible[parent_of(path)] if path else topmost_first, path))
        merged[path] = [directory for _, directory in parts]
        deepest = next((at for at, directory in enumerate(merged[path]) if directory.opaque), len(parts))
        visible[path] = [layer for layer, _ in parts[: deepest + 1]]
    return merged


def _parts(layers: Sequence[Layer], path: bytes) -> Iterator[tuple[Layer, Directory]]:
    """Each layer's part of one directory, down to where something else is, or was deleted."""
    for layer in layers:
        found = layer.get(path)
        if isinstance(found, Directory):
            yield layer, found
        elif found is not None:
            return


def _is_implied(found: Found) -> bool:
    return isinstance(found, Directory) and found.attributes is None


def _is_wrong(parts: Sequence[Directory]) -> bool:
    """Whether OverlayFS, which shows the topmost part's attributes, shows the wrong ones."""
    return bool(parts) and parts[0].attributes is None and _effective(parts) != IMPLIED


def _effective(parts: Sequence[Directory]) -> Attributes:
    return next((part.attributes for part in parts if part.attributes is not None), IMPLIED)

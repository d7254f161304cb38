"""Where the databases of packages are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum

from worker.engine.packages import apk, dpkg, npm, os_release, python, rpm


class Kind(StrEnum):
    """What a file is to the readers."""

    DPKG = "dpkg"
    APK = "apk"
    RPM = "rpm"
    RPM_UNREAD = "rpm, not read"
    PYTHON = "python"
    NPM = "npm"


FIXED: dict[bytes, Kind] = {
    dpkg.STATUS: Kind.DPKG,
    **dict.fromkeys(apk.INSTALLED, Kind.APK),
    **dict.fromkeys(rpm.SQLITE, Kind.RPM),
    **dict.fromkeys(rpm.OTHERS, Kind.RPM_UNREAD),
}
"""Databases that have one place; links on the way to it are followed."""

LOOKED_AT = (*FIXED, *rpm.LOGS.values(), *os_release.PATHS)
"""All places that are known in advance."""

_ENDS = (b"/METADATA", b"/PKG-INFO", b"/package.json", b".egg-info")


def kind_of(path: bytes) -> Kind | None:
    """Which record of a single package, somewhere in the tree, a path is; None if it is none."""
    if path.startswith(dpkg.STATUS_D):
        # Beside each record distroless images have the sums of its files.
        name = path[len(dpkg.STATUS_D) :]
        return None if b"/" in name or name.endswith(b".md5sums") else Kind.DPKG
    if not path.endswith(_ENDS):
        return None
    if npm.is_record(path):
        return Kind.NPM
    return Kind.PYTHON if python.is_record(path) else None


def with_ancestors(paths: Iterable[bytes]) -> set[bytes]:
    """The paths and all directories that lead to them; the root left out."""
    found: set[bytes] = set()
    for path in paths:
        while path and path not in found:
            found.add(path)
            path = path.rpartition(b"/")[0]
    return found


def records_among(paths: Iterable[bytes]) -> Iterator[tuple[bytes, Kind]]:
    """The paths that are records of single packages."""
    for path in paths:
        kind = kind_of(path)
        if kind is not None:
            yield path, kind

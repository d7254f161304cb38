"""Debian packages: dpkg's status file, and the status.d directory of distroless images."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from worker.engine.packages.stanzas import stanzas
from worker.engine.packages.values import Ecosystem, Package, Unreadable, is_name, text_of

STATUS = b"var/lib/dpkg/status"
STATUS_D = b"var/lib/dpkg/status.d/"

_KEYS = (b"package", b"status", b"version", b"architecture", b"installed-size", b"source")
# The third word of Status (dpkg(1), "Package states"). In all of these the package's files are unpacked; in
# config-files only its configuration is left, and half-installed is an attempt that did not get that far.
_ON_DISK = frozenset(
    {b"installed", b"unpacked", b"half-configured", b"triggers-awaited", b"triggers-pending"}
)
_SOURCE = re.compile(r"(\S+)(?:\s+\((\S+)\))?")


def read_status(file: BinaryIO) -> Iterator[Package | Unreadable]:
    """Yield the installed packages, and what says that a stanza cannot be understood.

    Raises:
        Unreadable: the rest of the file is not read.
    """
    for stanza in stanzas(file, _KEYS):
        status = stanza.get(b"status")
        # What distroless images record has no status: it is there.
        if status is None or status.rpartition(b" ")[2] in _ON_DISK:
            yield _package(stanza)


def _package(stanza: dict[bytes, bytes]) -> Package | Unreadable:
    name, version = text_of(stanza.get(b"package", b"")), text_of(stanza.get(b"version", b""))
    if not is_name(name) or not is_name(version):
        return Unreadable("a stanza has no name or no version")
    source = _SOURCE.fullmatch(text_of(stanza.get(b"source", b"")))
    source_name, source_version = source.groups(default="") if source else ("", "")
    size = stanza.get(b"installed-size", b"")
    return Package(
        Ecosystem.DEB,
        name,
        version,
        architecture=text_of(stanza.get(b"architecture", b""))[:64],
        source=source_name if source_name != name and is_name(source_name) else "",
        source_version=source_version if source_version != version and is_name(source_version) else "",
        # In KiB (Debian Policy, 5.6.20).
        size=int(size) * 1024 if size.isdigit() and len(size) < 13 else None,
    )

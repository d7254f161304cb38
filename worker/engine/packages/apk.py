"""Alpine packages: apk's database of what is installed (apk-tools, "installed file format")."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from worker.engine.packages.stanzas import stanzas
from worker.engine.packages.values import Ecosystem, Package, Unreadable, is_name, short, text_of

INSTALLED = (b"lib/apk/db/installed", b"usr/lib/apk/db/installed")

_NAME, _VERSION, _ARCHITECTURE, _SIZE, _LICENSE, _ORIGIN = b"P", b"V", b"A", b"I", b"L", b"o"


def read_installed(file: BinaryIO) -> Iterator[Package | Unreadable]:
    """Yield the installed packages, and what says that a stanza cannot be understood.

    Raises:
        Unreadable: the rest of the file is not read.
    """
    for stanza in stanzas(file, (_NAME, _VERSION, _ARCHITECTURE, _SIZE, _LICENSE, _ORIGIN)):
        name, version = text_of(stanza.get(_NAME, b"")), text_of(stanza.get(_VERSION, b""))
        if not is_name(name) or not is_name(version):
            yield Unreadable("a stanza has no name or no version")
            continue
        origin, size = text_of(stanza.get(_ORIGIN, b"")), stanza.get(_SIZE, b"")
        yield Package(
            Ecosystem.APK,
            name,
            version,
            architecture=text_of(stanza.get(_ARCHITECTURE, b""))[:64],
            source=origin if origin != name and is_name(origin) else "",
            license=short(text_of(stanza.get(_LICENSE, b""))),
            size=int(size) if size.isdigit() and len(size) < 16 else None,
        )

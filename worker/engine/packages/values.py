"""What is known of an installed package, and of the databases that tell it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

MAX_NAME = 255
MAX_VERSION = 255
MAX_LICENSE = 1000


class Ecosystem(StrEnum):
    """Whose package it is. The values are the types of package URLs (purl specification, "purl types")."""

    DEB = "deb"
    APK = "apk"
    RPM = "rpm"
    PYPI = "pypi"
    NPM = "npm"


@dataclass(frozen=True, slots=True)
class Package:
    """One version of a package, as its database describes it.

    Attributes:
        ecosystem: Whose.
        name: As the database writes it; of npm with its scope (``@babel/core``).
        version: As the database writes it, with epoch and revision (``1:2.38-1``).
        architecture: ``amd64``, ``x86_64``, ``all``, ...; empty if the ecosystem does not tell.
        source: The source package that it was built from; empty if the database does not say.
        source_version: The source package's version, if that is another one; else empty.
        license: As the database says, not always an SPDX expression; empty if it does not say.
        size: Installed bytes, as the database says; None if it does not.
    """

    ecosystem: Ecosystem
    name: str
    version: str
    architecture: str = ""
    source: str = ""
    source_version: str = ""
    license: str = ""
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """What one file says: a database of many packages, or the record of a single one.

    Attributes:
        packages: The packages that it says are installed.
        notes: What of it could not be read, one sentence each.
    """

    packages: frozenset[Package] = frozenset()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Distribution:
    """Which distribution an image is, by its os-release file; all empty if it has none.

    Attributes:
        id: ``ID``: ``debian``, ``alpine``, ...
        version: ``VERSION_ID``.
        name: ``PRETTY_NAME``.
    """

    id: str = ""
    version: str = ""
    name: str = ""


UNKNOWN = Distribution()


@dataclass(frozen=True, slots=True)
class Contents:
    """The packages of a merged tree.

    Attributes:
        records: What the files say that record packages, by path from the image's root. The same package may
            be recorded at several places.
        distribution: Whose packages deb, apk and rpm ones are.
    """

    records: Mapping[bytes, Record] = field(default_factory=dict)
    distribution: Distribution = UNKNOWN

    def installed(self) -> set[tuple[Package, bytes]]:
        """All packages, each with the path of its record."""
        return {(package, path) for path, record in self.records.items() for package in record.packages}

    def notes(self) -> list[tuple[bytes, str]]:
        """What could not be read, by path."""
        return [(path, note) for path in sorted(self.records) for note in self.records[path].notes]


class Unreadable(Exception):
    """A record or database that is not what its place promises; the argument says why, in a sentence."""


def text_of(raw: bytes) -> str:
    """Text as a database holds it: UTF-8; what is none, and control characters, as U+FFFD."""
    text = raw.decode("utf-8", "replace")
    return text if text.isprintable() else "".join(c if c.isprintable() else "\ufffd" for c in text)


def is_name(text: str, limit: int = MAX_NAME) -> bool:
    """Whether it can be a package's name or version: neither empty, nor too long, nor with white space."""
    return 0 < len(text) <= limit and not any(c.isspace() for c in text)


def short(text: str, limit: int = MAX_LICENSE) -> str:
    """Free text in one line, cut to ``limit`` characters."""
    joined = " ".join(text.split())
    return joined if len(joined) <= limit else joined[: limit - 1] + "…"


def first_of(values: Iterable[str]) -> str:
    """The first value that holds something; empty if none does."""
    return next((value for value in values if value), "")

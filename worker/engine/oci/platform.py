"""Platforms: what an image runs on (OCI image spec, image-index.md, "Platform Variants")."""

from __future__ import annotations

import platform as host_platform
import re
from dataclasses import dataclass
from typing import Self

from worker.engine.errors import InvalidPlatform

_PART = re.compile(r"[a-z0-9][a-z0-9_.-]*")
_ARCHITECTURES = {
    "x86_64": "amd64",
    "x86-64": "amd64",
    "aarch64": "arm64",
    "i386": "386",
    "i486": "386",
    "i586": "386",
    "i686": "386",
    "loongarch64": "loong64",
}
_ARM_ARCHITECTURES = {
    "armhf": "v7",
    "armv7l": "v7",
    "armv8l": "v7",
    "armel": "v6",
    "armv6l": "v6",
    "armv5tel": "v5",
}
# Go's names are far shorter. Nothing in them that would break "os/arch/variant" apart.
_NAME = re.compile(r"[A-Za-z0-9_.+-]{0,50}")
# What an architecture means when no variant is written.
_BASELINE = {"amd64": "v1", "arm64": "v8", "arm": "v7"}


@dataclass(frozen=True, slots=True, order=True)
class Platform:
    """What an image runs on, in Go's words: ``linux``, ``arm64``, ``v8``.

    Values are kept as written; :attr:`normal` is the form to compare.
    """

    os: str
    architecture: str
    variant: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``os/arch`` or ``os/arch/variant``; uname's names (``x86_64``) are understood.

        Raises:
            InvalidPlatform: anything else.
        """
        parts = text.strip().lower().split("/")
        if len(parts) not in (2, 3) or not all(_PART.fullmatch(part) for part in parts):
            raise InvalidPlatform(f"{text[:100]!r} is not a platform.")
        return cls(*parts).normal

    @classmethod
    def host(cls) -> Self:
        """The platform that this program runs on."""
        return cls(host_platform.system().lower(), host_platform.machine().lower()).normal

    @property
    def possible(self) -> bool:
        """Whether its names could be names at all; what a stranger wrote may be anything."""
        return all(_NAME.fullmatch(name) for name in (self.os, self.architecture, self.variant))

    @property
    def known(self) -> bool:
        """False for ``unknown/unknown``, which BuildKit writes on attestations, and for empty values."""
        return self.os not in ("", "unknown") and self.architecture not in ("", "unknown")

    @property
    def normal(self) -> Self:
        """The same platform in its one canonical spelling, as containerd normalises it."""
        os = {"macos": "darwin"}.get(self.os.lower(), self.os.lower())
        architecture, variant = self.architecture.lower(), self.variant.lower()
        architecture = _ARCHITECTURES.get(architecture, architecture)
        if architecture in _ARM_ARCHITECTURES:
            architecture, variant = "arm", variant or _ARM_ARCHITECTURES[architecture]
        if variant.isdecimal():
            variant = f"v{variant}"
        if architecture == "arm":
            variant = variant or _BASELINE["arm"]
        elif variant == _BASELINE.get(architecture):
            variant = ""
        return type(self)(os, architecture, variant)

    def matches(self, wanted: Platform) -> bool:
        """Whether an image for this platform is exactly what was ``wanted`` (arm64 is arm64/v8)."""
        return self.normal == wanted.normal

    def distance(self, wanted: Platform) -> int | None:
        """How far below ``wanted`` this platform is: 0 the same, 1 one variant lower, ...

        A machine of a higher variant runs code for the lower ones (arm/v7 runs arm/v6, amd64/v3 runs amd64).
        None when a ``wanted`` machine cannot run it.
        """
        mine, theirs = self.normal, wanted.normal
        if (mine.os, mine.architecture) != (theirs.os, theirs.architecture):
            return None
        if mine.variant == theirs.variant:
            return 0
        levels = mine._level(), theirs._level()
        if levels[0] is None or levels[1] is None or levels[0] > levels[1]:
            return None
        return levels[1] - levels[0]

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)

    def _level(self) -> int | None:
        number = (self.variant or _BASELINE.get(self.architecture, "")).removeprefix("v")
        return int(number) if number.isdecimal() else None

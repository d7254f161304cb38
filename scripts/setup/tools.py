"""The programs that Strata needs from the system, and the packages that bring them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# Where administrators' programs are, also for users whose PATH leaves that out.
_MORE_PATHS = ("/usr/local/sbin", "/usr/sbin", "/sbin")


@dataclass(frozen=True)
class Tool:
    """A program and how to get it.

    Attributes:
        commands: names of which any one on the PATH will do.
        packages: by package manager, names of which the first that installs will do.
        needed_for: what does not work without; empty: nothing does.
        pattern: a path pattern (from /) where it may be instead of on the PATH.
    """

    name: str
    commands: tuple[str, ...]
    packages: Mapping[str, tuple[str, ...]]
    needed_for: str = ""
    pattern: str = ""

    def find(self) -> str | None:
        """Return where it is, or None."""
        path = os.pathsep.join((os.environ.get("PATH", os.defpath), *_MORE_PATHS))
        for command in self.commands:
            if found := shutil.which(command, path=path):
                return found
        if self.pattern:
            return next((str(found) for found in sorted(Path("/").glob(self.pattern), reverse=True)), None)
        return None


def _same(*names: str) -> Mapping[str, tuple[str, ...]]:
    return dict.fromkeys(("apt-get", "dnf", "apk"), names)


RUN = (
    Tool(
        "a Redis server",
        ("redis-server", "valkey-server"),
        {
            "apt-get": ("redis-server", "valkey-server"),
            "dnf": ("valkey", "redis"),
            "apk": ("valkey", "redis"),
        },
    ),
    Tool(
        "runc",
        ("runc", "crun"),
        {"apt-get": ("runc", "crun"), "dnf": ("crun", "runc"), "apk": ("runc", "crun")},
        needed_for="containers",
    ),
    Tool("conmon", ("conmon",), _same("conmon"), needed_for="containers"),
)
POSTGRES = Tool(
    "PostgreSQL",
    ("initdb",),
    {"apt-get": ("postgresql",), "dnf": ("postgresql-server",), "apk": ("postgresql",)},
    needed_for="the catalog's tests on PostgreSQL",
    pattern="usr/lib/postgresql/*/bin/initdb",
)
TEST = (
    Tool(
        "Chromium",
        ("chromium", "chromium-browser", "google-chrome"),
        _same("chromium"),
        needed_for="the tests in a browser",
    ),
    Tool(
        "docker-registry",
        ("docker-registry",),
        _same("docker-registry"),
        needed_for="the tests with a real registry",
    ),
    Tool("skopeo", ("skopeo",), _same("skopeo"), needed_for="the tests against other tools"),
    Tool("umoci", ("umoci",), _same("umoci"), needed_for="the tests against other tools"),
    POSTGRES,
)

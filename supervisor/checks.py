"""Look before starting: each check raises a Problem of one line, or warns."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import tempfile
from pathlib import Path

from supervisor.problem import Problem
from supervisor.settings import ROOT, Settings

REDIS_SERVERS = ("redis-server", "valkey-server")
RUNTIMES = ("runc", "crun")
# Debian keeps runc where an ordinary user's PATH does not look; the workers look here too.
MORE_PATHS = ("/usr/local/sbin", "/usr/sbin", "/sbin")


def check_port(host: str, port: int) -> None:
    """Raise Problem if nothing can listen on ``host``:``port``."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise Problem(f"STRATA_HOST: {host!r} is not an address of this machine.") from error
    with socket.socket(family, kind, protocol) as probe:
        # As the web server does, so that a port that only waits out its old connections counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
            probe.listen(1)
        except OSError as error:
            raise Problem(_why_not_listen(error, host, port)) from error


def _why_not_listen(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} on {host} is in use: stop what uses it, or choose another port, "
            f"for example STRATA_PORT={port + 1 if port < 65535 else 8000}."
        )
    if error.errno in {errno.EACCES, errno.EPERM}:
        return f"Port {port} needs more rights than this user has: choose one above 1023 with STRATA_PORT."
    return f"Cannot listen on {host} port {port}: {error.strerror}."


def check_data(data: Path) -> None:
    """Make the data directory, for this user alone; raise Problem if it cannot be written to."""
    try:
        # In it are sessions, and programs of images that gain rights (setuid): nothing for others.
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile(dir=data, prefix=".write-test-"):
            pass
    except OSError as error:
        raise Problem(
            f"Cannot write to the data directory {data}: {error.strerror}. "
            "Give this user the right to, or choose another with STRATA_DATA."
        ) from error


def check_static() -> None:
    """Raise Problem if the pages' stylesheets were not collected."""
    if not (ROOT / "build" / "static" / "staticfiles.json").is_file():
        raise Problem("The pages' stylesheets are not built yet: run `make setup`.")


def find_redis() -> str:
    """Return the path of a Redis (or Valkey) server; raise Problem if there is none."""
    for name in REDIS_SERVERS:
        if path := shutil.which(name):
            return path
    raise Problem(
        "A Redis server is missing: install the package redis-server (Debian, Ubuntu) or redis or valkey "
        "(Fedora, Alpine), or point STRATA_REDIS_URL at one that runs."
    )


def warnings() -> list[str]:
    """Return what will not work here, one line each; the rest does."""
    if os.geteuid() != 0:
        return ["Not root: images can be fetched, but neither extracted nor run."]
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), *MORE_PATHS))
    missing = []
    if not any(shutil.which(name, path=path) for name in RUNTIMES):
        missing.append("runc (or crun)")
    if not shutil.which("conmon", path=path):
        missing.append("conmon")
    if not missing:
        return []
    return [f"Containers cannot run until {' and '.join(missing)} is installed; everything else works."]


def check_rest(settings: Settings) -> list[str]:
    """Run every check but the data directory's; return warnings, raise Problem for what must hold."""
    check_static()
    if not settings.redis_url:
        find_redis()
    check_port(settings.host, settings.port)
    return warnings()

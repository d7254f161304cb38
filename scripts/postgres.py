"""``python -m scripts.postgres [--if-installed] COMMAND...``: run a command with a PostgreSQL of its own.

The server lives in a temporary directory, listens on a socket there only, and ends with the command.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from scripts.setup.tools import POSTGRES


def main(arguments: list[str]) -> int:
    """Run the command; return its exit code."""
    optional = arguments[:1] == ["--if-installed"]
    command = arguments[1:] if optional else arguments
    initdb = POSTGRES.find()
    if initdb is None:
        print("PostgreSQL is not installed: nothing was run on it.", file=sys.stderr)
        return 0 if optional else 1
    with _server(Path(initdb).resolve().parent) as url:
        print(f"On PostgreSQL: {' '.join(command)}", flush=True)
        return subprocess.run(command, env={**os.environ, "STRATA_DATABASE_URL": url}, check=False).returncode


@contextmanager
def _server(binaries: Path) -> Iterator[str]:
    """Yield the URL of a running server; it keeps nothing and flushes nothing."""
    user = _as_user()
    with tempfile.TemporaryDirectory(prefix="strata-postgres-") as directory:
        if user:
            shutil.chown(directory, user[2])
        Path(directory).chmod(0o755)  # the tests run as another user and must reach the socket
        data = f"{directory}/data"
        init = [*user, str(binaries / "initdb"), "--auth=trust", "--username=strata", "--no-sync", data]
        subprocess.run(
            [*init, "--encoding=UTF8", "--locale=C"], check=True, stdout=subprocess.DEVNULL, cwd="/"
        )
        serve = [str(binaries / "postgres"), "-D", data, "-k", directory, "-c", "listen_addresses="]
        serve += ["-c", "fsync=off", "-c", "full_page_writes=off", "-c", "log_min_messages=fatal"]
        serve += ["-c", "max_connections=50", "-c", "shared_buffers=32MB"]
        log = Path(directory) / "log"
        with log.open("wb") as output, subprocess.Popen([*user, *serve], stderr=output, cwd="/") as server:
            try:
                _wait(binaries, directory, server, log)
                yield f"postgres://strata@{quote(directory, safe='')}/postgres"
            finally:
                _stop(Path(data), server)


def _as_user() -> Sequence[str]:
    """PostgreSQL refuses to run as root: return what runs a program as its own user then."""
    return ("runuser", "-u", "postgres", "--") if os.geteuid() == 0 else ()


def _wait(binaries: Path, directory: str, server: subprocess.Popen[bytes], log: Path) -> None:
    command = [str(binaries / "pg_isready"), "--quiet", "--host", directory]
    deadline = time.monotonic() + 60
    while subprocess.run(command, check=False).returncode != 0:
        if server.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"PostgreSQL did not start:\n{log.read_text()}")
        time.sleep(0.1)


def _stop(data: Path, server: subprocess.Popen[bytes]) -> None:
    """End the server at once (SIGQUIT): what it holds is thrown away."""
    try:
        pid = int((data / "postmaster.pid").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        server.terminate()
    else:
        os.kill(pid, 3)
    server.wait(timeout=30)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

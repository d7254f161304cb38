"""Real Celery workers and beats for tests, on the test's own database, Redis and data directory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from django.conf import settings
from django.db import connection

from tests.support.processes import wait_until

ROOT = Path(__file__).resolve().parents[2]

# Recovery within seconds, so that a test can wait for it.
_QUICK = {
    "STRATA_HOUSEKEEPING_SECONDS": "1",
    "STRATA_SCHEDULES_SECONDS": "1",
    "STRATA_CONTAINER_WATCH_SECONDS": "1",
    "STRATA_HEARTBEAT_SECONDS": "1",
    "STRATA_STALE_SECONDS": "4",
}


@dataclass
class Program:
    """One worker or beat, with its process group."""

    process: subprocess.Popen[bytes]
    log: Path

    def kill(self) -> None:
        """SIGKILL to all of it, as when a machine loses power."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def terminate(self, timeout: float = 20) -> float:
        """SIGTERM to the main process; return the seconds that it took to end."""
        begun = time.monotonic()
        self.process.terminate()
        self.process.wait(timeout)
        return time.monotonic() - begun


@dataclass
class Workers:
    """Starts programs that share one Strata, and ends what is left of them."""

    data: Path
    redis_url: str
    programs: list[Program] = field(default_factory=list)

    @property
    def env(self) -> dict[str, str]:
        return {
            **os.environ,
            **_QUICK,
            "DJANGO_SETTINGS_MODULE": "dashboard.settings",
            "STRATA_DATA": str(self.data),
            "STRATA_DATABASE_URL": database_url(),
            "STRATA_REDIS_URL": self.redis_url,
            "STRATA_SECRET_KEY": settings.SECRET_KEY,
            "STRATA_NODE": settings.NODE,
            "PYTHONUNBUFFERED": "1",
        }

    def worker(self, queues: str = f"pull,extract,housekeeping,storage,container.{settings.NODE}") -> Program:
        name = f"w{len(self.programs)}"
        arguments = ["worker", "-Q", queues, "-c", "2", "-n", f"{name}@%h", "-l", "INFO"]
        program = self._start(name, [*arguments, "--without-gossip", "--without-mingle"])
        wait_for(lambda: "ready." in program.log.read_text(), 60, program.log)
        return program

    def beat(self) -> Program:
        name = f"beat{len(self.programs)}"
        return self._start(name, ["beat", "--schedule", str(self.data / name), "--pidfile", ""])

    def end(self) -> None:
        for program in self.programs:
            if program.process.poll() is None:
                program.kill()

    def _start(self, name: str, arguments: list[str]) -> Program:
        log = self.data / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "celery", "-A", "worker.celery", *arguments],
                cwd=ROOT,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        program = Program(process, log)
        self.programs.append(program)
        return program


def database_url() -> str:
    """The test's own database, as the value of STRATA_DATABASE_URL."""
    config = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{config['NAME']}"
    host, port = quote(str(config["HOST"]), safe=""), config["PORT"]
    user, password = quote(config["USER"]), quote(config["PASSWORD"])
    return f"postgres://{user}:{password}@{host}{f':{port}' if port else ''}/{config['NAME']}"


def wait_for(true: Callable[[], object], seconds: float, *logs: Path) -> None:
    """Return once ``true()`` is; fail, showing ``logs``, if that takes longer than ``seconds``."""
    wait_until(true, seconds, lambda: "\n".join(f"--- {log.name}\n{log.read_text()[-4000:]}" for log in logs))

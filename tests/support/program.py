"""The whole program, started as a person does: ``python -m supervisor`` on a data directory of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from supervisor.settings import ROOT
from tests.support.processes import MARK, commands, marked, wait_until
from tests.support.redis import free_port

START_SECONDS = 120  # generous: CI shares its two cores; the aim is judged elsewhere


class Program:
    """A running Strata."""

    def __init__(self, data: Path, mark: str, *arguments: str, **settings: str) -> None:
        self.data = data
        self.mark = mark
        self.port = int(settings.get("STRATA_PORT") or free_port())
        self.address = f"http://127.0.0.1:{self.port}"
        ours = {
            name: value for name, value in os.environ.items() if not name.startswith(("STRATA_", "DJANGO_"))
        }
        self.env = {**ours, **settings, MARK: mark, "STRATA_DATA": str(data), "STRATA_PORT": str(self.port)}
        self._log = data.with_name(f"{data.name}-{self.port}.log")
        self._out = self._log.open("ab")
        self.popen = subprocess.Popen(
            [sys.executable, "-m", "supervisor", *arguments],
            cwd=ROOT,
            env=self.env,
            stdout=self._out,
            stderr=subprocess.STDOUT,
        )

    @property
    def output(self) -> str:
        return self._log.read_text(errors="replace")

    def wait_ready(self, times: int = 1) -> None:
        """Wait for the line that says so; fail at once if the program ends instead."""

        def ready() -> bool:
            assert self.popen.poll() is None, f"ended before it was ready:\n{self.output[-4000:]}"
            return self.output.count(f"Strata is ready at {self.address}\n") >= times

        wait_until(ready, START_SECONDS, lambda: f"ready; said so far:\n{self.output[-4000:]}")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> float:
        """Ask it to end; return the seconds it took. Nothing of it may be left."""
        if self.popen.poll() is None:
            before = time.monotonic()
            self.popen.send_signal(number)
            code = self.popen.wait(timeout=30)
            took = time.monotonic() - before
            assert code == 0, self.output[-4000:]
        else:
            took = 0.0
        self._out.close()
        wait_until(lambda: not self.processes(), 2, lambda: f"left: {self.processes()}")
        return took

    def processes(self) -> dict[int, str]:
        """Return each of its living processes. Redis overwrites its environment; its port tells it."""
        port = self.data / "redis" / "port"
        name = f"redis-server 127.0.0.1:{port.read_text().strip()}" if port.is_file() else "no Redis"
        own = {pid: command for pid, command in commands().items() if command.endswith(name)}
        return {**marked(self.mark), **own}

    def pid_of(self, *words: str) -> int:
        """Return the first of its processes that has all of ``words`` in its command line."""
        found = [pid for pid, command in self.processes().items() if all(word in command for word in words)]
        assert found, self.processes()
        return min(found)

    def manage(self, *arguments: str) -> str:
        """Run a command of manage.py beside it, as a person does in another terminal."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def api(self, token: str) -> Api:
        return Api(f"{self.address}/api/v1", token)


class Api:
    """The API as a small client sees it: for what a test must know but does not come to see."""

    def __init__(self, address: str, token: str) -> None:
        self._address = address
        self._token = token

    def get(self, path: str) -> Any:
        return self._call("GET", path, None)

    def post(self, path: str, **body: Any) -> Any:
        return self._call("POST", path, body)

    def _call(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        request = urllib.request.Request(
            f"{self._address}/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def job(
        self, number: int, until: Callable[[dict[str, Any]], bool], seconds: float = 60
    ) -> dict[str, Any]:
        """Return the job once ``until`` holds for it."""
        deadline = time.monotonic() + seconds
        while True:
            job: dict[str, Any] = self.get(f"jobs/{number}")
            if until(job):
                return job
            assert time.monotonic() < deadline, job
            time.sleep(0.2)

    def pull(self, reference: str, **more: Any) -> dict[str, Any]:
        """Pull to the end; the job must succeed."""
        started = self.post("pulls", reference=reference, **more)
        job = self.job(started["id"], lambda job: job["state"] not in {"queued", "running"})
        assert job["state"] == "succeeded", job
        return job

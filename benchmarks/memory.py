"""Memory of a worker that pulls a layer of any size: summed over its processes, and those that extract."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measuring import HOME, Command, Failed, memory_of
from samples.generated import GeneratedLayer, GeneratedRegistry

_SAMPLE = 0.05  # seconds
_PATIENCE = 60.0

_PULL = """
import sys, time
import django
django.setup()
from worker import services
from worker.models import ACTIVE_STATES, Project
job = services.start_pull(Project.objects.first_or_new(), sys.argv[1], insecure=True, by=None)
while job.state in ACTIVE_STATES:
    time.sleep(0.2)
    job.refresh_from_db()
sys.exit(job.error_message or (job.state != "succeeded"))
"""


@dataclass(frozen=True, slots=True)
class Memory:
    """What a worker took.

    Attributes:
        layer: Bytes of the compressed layer.
        before: Bytes of all of the worker's processes before it pulled (PSS).
        peak: The most while it pulled.
        seconds: How long that took.
    """

    layer: int
    before: int
    peak: int
    seconds: float


def memory(size: int, place: Path) -> Memory:
    """Pull a generated layer of ``size`` bytes by a worker of two processes, as ``make run`` starts it.

    Needs room for twice the size at ``place``.

    Raises:
        Failed: something does not start, or the pull fails.
    """
    with GeneratedRegistry(GeneratedLayer(size)) as registry, _redis(place) as url:
        environment = {
            **os.environ,
            "STRATA_DATA": str(place / "data"),
            "STRATA_REDIS_URL": url,
            "DJANGO_SETTINGS_MODULE": "dashboard.settings",
            "PYTHONPATH": str(HOME),
        }
        prepare: Command = [sys.executable, HOME / "manage.py", "prepare"]
        _check(subprocess.run(prepare, env=environment, stdout=subprocess.DEVNULL, check=False))
        with _worker(place, environment) as pid, _peak(pid) as peak:
            before, begun = memory_of([pid]), time.monotonic()
            _check(
                subprocess.run(
                    [sys.executable, "-c", _PULL, registry.reference], env=environment, check=False
                )
            )
            seconds = time.monotonic() - begun
        return Memory(registry.layer.size, before, peak[0], seconds)


def _check(ran: subprocess.CompletedProcess[bytes]) -> None:
    if ran.returncode:
        raise Failed(f"{' '.join(map(str, ran.args))[:60]}... failed with status {ran.returncode}")


@contextlib.contextmanager
def _redis(place: Path) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(place)]
    with _running(command, place / "redis.log", "eady to accept connections", None):
        yield f"redis://127.0.0.1:{port}/0"


@contextlib.contextmanager
def _worker(place: Path, environment: dict[str, str]) -> Iterator[int]:
    command = [sys.executable, "-m", "celery", "--app", "worker.celery", "worker", "--queues", "pull,extract"]
    command += ["--concurrency", "2", "--without-gossip", "--without-mingle", "--loglevel", "INFO"]
    with _running(command, place / "worker.log", "ready.", environment) as pid:
        yield pid


@contextlib.contextmanager
def _running(command: list[str], log: Path, says: str, environment: dict[str, str] | None) -> Iterator[int]:
    """Run a program until the block is left; enter it once the log ``says`` that it is ready."""
    with log.open("wb") as said:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            cwd=HOME,
            env=environment,
            process_group=0,
        )
    try:
        deadline = time.monotonic() + _PATIENCE
        while says not in log.read_text(errors="replace"):
            if process.poll() is not None or time.monotonic() > deadline:
                raise Failed(f"{command[0]} does not start: {log.read_text(errors='replace')[-300:]}")
            time.sleep(0.1)
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextlib.contextmanager
def _peak(pid: int) -> Iterator[list[int]]:
    """A list whose one number is the most memory so far."""
    peak, done = [0], threading.Event()

    def watch() -> None:
        while not done.wait(_SAMPLE):
            peak[0] = max(peak[0], memory_of([pid]))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()

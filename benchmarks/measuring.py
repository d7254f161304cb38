"""Seconds, CPU and memory of a command, with everything that it starts and a daemon that works for it."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

HOME = Path(__file__).resolve().parents[1]
Command = Sequence[str | Path]

_SAMPLE = 0.05  # seconds between two looks at memory
_TICK = os.sysconf("SC_CLK_TCK")
_TOUCH = bytes(1 << 20)


class Failed(Exception):
    """A command that should have worked did not."""


@dataclass(frozen=True, slots=True)
class Run:
    """What commands took, one after the other.

    Attributes:
        seconds: By the clock.
        cpu: Seconds of CPU, in user and system mode, of them and of the daemon.
        memory: Bytes at the peak, summed over all processes at once (PSS: shared pages count once).
    """

    seconds: float
    cpu: float
    memory: int


def measure(
    commands: Sequence[Command],
    environment: Mapping[str, str],
    daemon: int | None = None,
    log: Path | None = None,
) -> Run:
    """Run commands, and measure them.

    Args:
        environment: Added to this process's.
        daemon: A process that works for them; what it starts counts too.
        log: What they say goes there.

    Raises:
        Failed: one ends with an error.
    """
    before, daemon_before = os.times(), cpu_of(daemon)
    begun = time.perf_counter()
    peak = 0
    for command in commands:
        peak = max(peak, _run(command, environment, daemon, log))
    seconds = time.perf_counter() - begun
    after = os.times()
    own = after.children_user + after.children_system - before.children_user - before.children_system
    return Run(seconds, own + cpu_of(daemon) - daemon_before, peak)


def _run(command: Command, environment: Mapping[str, str], daemon: int | None, log: Path | None) -> int:
    """Run one command; return the peak of memory."""
    peak = 0
    with (
        (log or Path(os.devnull)).open("ab") as said,
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, env={**os.environ, **environment}
        ) as process,
    ):
        done = threading.Event()

        def watch() -> None:
            nonlocal peak
            roots = [process.pid] + ([daemon] if daemon else [])
            while not done.wait(_SAMPLE):
                peak = max(peak, memory_of(roots))

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            status = process.wait()
        finally:
            done.set()
            watcher.join()
            process.kill()
    if status:
        last = log.read_text(errors="replace").strip().splitlines()[-1:] if log else []
        raise Failed(f"{' '.join(map(str, command))} failed with status {status}. {' '.join(last)}")
    return peak


def memory_of(roots: Sequence[int]) -> int:
    """Bytes that these processes and all below them occupy now (PSS)."""
    return sum(_pss(pid) for root in roots for pid in family(root))


def cpu_of(root: int | None) -> float:
    """Seconds of CPU that a process and all below it have used so far, and what they have waited for."""
    return sum(_cpu(pid) for pid in family(root)) if root else 0.0


def family(pid: int) -> Iterator[int]:
    """A process, and all below it."""
    yield pid
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return
    for task in tasks:
        try:
            children = (task / "children").read_text().split()
        except OSError:
            continue
        for child in children:
            yield from family(int(child))


def touch(place: Path, size: int) -> None:
    """Fill ``size`` bytes of a tmpfs and let them go, so that every run finds memory that was just in use.

    Memory that a virtual machine has never used, or has given back to its host, costs twice as much to write.
    """
    path = place / "touched"
    try:
        with path.open("wb", buffering=0) as file:
            for _ in range(size // len(_TOUCH)):
                file.write(_TOUCH)
    finally:
        path.unlink(missing_ok=True)


def _pss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024


def _cpu(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(int(ticks) for ticks in fields[11:15]) / _TICK

"""Pull images with Strata's engine and with other tools, in turn, onto one tmpfs; print medians and ratios.

    .venv/bin/python benchmarks/pull.py localhost:5000 [toolchain:1 php:8 ...] [--rounds 3] [--on /dev/shm]

Needs root, a registry that speaks plain HTTP, and whichever of podman, skopeo and umoci shall be compared.
Every run begins with an empty store. Memory is the largest sum over all processes of a run (PSS), sampled
twenty times a second. On a machine that has other things to do, only the CPU seconds mean something.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

HOME = Path(__file__).resolve().parents[1]
_SAMPLE = 0.05  # seconds

_ENGINE = """
import sys
from pathlib import Path
from worker.engine.oci import Reference
from worker.engine.pull import PullRequest, pull
from worker.engine.registry import Endpoint
from worker.engine.store import Store
reference = Reference.parse(sys.argv[2])
pull(Store(Path(sys.argv[1])), PullRequest(reference, None, Endpoint(reference.registry, insecure=True)))
"""


@dataclass(frozen=True)
class Run:
    """One pull: seconds by the clock, seconds of CPU, bytes of memory at the peak."""

    seconds: float
    cpu: float
    memory: int


@dataclass(frozen=True)
class Tool:
    """Something that pulls.

    Attributes:
        commands: What to run, one after the other, to pull a reference into an empty directory.
        clean: What to run before the directory is removed.
    """

    name: str
    version: str
    commands: Callable[[Path, str], Sequence[Sequence[str | Path]]]
    clean: Callable[[Path], Sequence[str | Path]] | None = None


def tools() -> Iterator[Tool]:
    """Strata, and what else is installed."""
    yield Tool("strata", _git_version(), lambda place, name: [[sys.executable, "-c", _ENGINE, place, name]])
    if shutil.which("podman"):
        yield Tool("podman", _version("podman"), _podman, _podman_clean)
    if shutil.which("skopeo") and shutil.which("umoci"):
        versions = f"{_version('skopeo')}, {_version('umoci')}"
        yield Tool("skopeo+umoci", versions, _umoci)


def _podman(place: Path, name: str) -> Sequence[Sequence[str | Path]]:
    return [[*_podman_at(place), "pull", "--quiet", "--tls-verify=false", name]]


def _podman_clean(place: Path) -> Sequence[str | Path]:
    return [*_podman_at(place), "rmi", "--all", "--force"]


def _podman_at(place: Path) -> Sequence[str | Path]:
    return ["podman", "--root", place / "root", "--runroot", place / "run", "--storage-driver", "overlay"]


def _umoci(place: Path, name: str) -> Sequence[Sequence[str | Path]]:
    image = f"{place}/oci:image"
    return [
        ["skopeo", "copy", "--quiet", "--src-tls-verify=false", f"docker://{name}", f"oci:{image}"],
        ["umoci", "unpack", "--image", image, place / "bundle"],
    ]


def _version(program: str) -> str:
    said = subprocess.run([program, "--version"], capture_output=True, text=True).stdout.split()
    return next((word for word in said if word[:1].isdigit()), "?")


def _git_version() -> str:
    command = ["git", "-C", HOME, "describe", "--always", "--dirty"]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip() or "?"


def measure(tool: Tool, name: str, on: Path) -> Run:
    """Pull ``name`` once into an empty directory on the file system of ``on``."""
    place = Path(mkdtemp(prefix="strata-bench-", dir=on))
    try:
        before, begun = os.times(), time.perf_counter()
        memory = 0
        for command in tool.commands(place, name):
            memory = max(memory, _run(command))
        seconds, after = time.perf_counter() - begun, os.times()
        cpu = after.children_user + after.children_system - before.children_user - before.children_system
        return Run(seconds, cpu, memory)
    finally:
        if tool.clean is not None:
            subprocess.run(tool.clean(place), capture_output=True)
        shutil.rmtree(place, ignore_errors=True)


def _run(command: Sequence[str | Path]) -> int:
    """Run a command; return the peak of its memory."""
    environment = {**os.environ, "PYTHONPATH": str(HOME)}
    peak = 0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment) as process:
        done = threading.Event()

        def watch() -> None:
            nonlocal peak
            while not done.wait(_SAMPLE):
                peak = max(peak, sum(_pss(pid) for pid in _family(process.pid)))

        watcher = threading.Thread(target=watch)
        watcher.start()
        status = process.wait()
        done.set()
        watcher.join()
    if status != 0:
        sys.exit(f"{command[0]} failed with status {status}")
    return peak


def _family(pid: int) -> Iterator[int]:
    yield pid
    for task in _tasks(pid):
        try:
            children = (task / "children").read_text().split()
        except OSError:
            continue
        for child in children:
            yield from _family(int(child))


def _tasks(pid: int) -> list[Path]:
    try:
        return list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return []


def _pss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024


def report(name: str, runs: dict[Tool, list[Run]]) -> None:
    """Print a table for one image; ratios are of medians, to Strata's."""
    print(f"\n{name}")
    print(f"{'':14}{'median':>9}{'best':>9}{'worst':>9}{'ratio':>8}{'CPU':>9}{'memory':>10}  version")
    ours = statistics.median(run.seconds for run in next(iter(runs.values())))
    for tool, measured in runs.items():
        seconds = [run.seconds for run in measured]
        median = statistics.median(seconds)
        cpu = statistics.median(run.cpu for run in measured)
        memory = max(run.memory for run in measured)
        print(
            f"{tool.name:14}{median:8.2f}s{min(seconds):8.2f}s{max(seconds):8.2f}s{median / ours:7.1f}x"
            f"{cpu:8.2f}s{memory / 2**20:6.0f} MiB  {tool.version}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare pulls.")
    parser.add_argument("registry", help="host:port of a registry that speaks plain HTTP")
    parser.add_argument("images", nargs="*", default=["toolchain:1", "php:8"], help="repository:tag each")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--on", type=Path, default=Path("/dev/shm"), help="where to pull to")
    parser.add_argument("--only", nargs="*", help="names of tools")
    options = parser.parse_args()
    chosen = [tool for tool in tools() if not options.only or tool.name in options.only]
    cpus = len(os.sched_getaffinity(0))
    print(f"{cpus} CPUs, Linux {platform.release()}, Python {platform.python_version()}, on {options.on}")
    for image in options.images:
        name = f"{options.registry}/{image}"
        runs: dict[Tool, list[Run]] = {tool: [] for tool in chosen}
        for _ in range(options.rounds):
            for tool in chosen:
                runs[tool].append(measure(tool, name, options.on))
        report(name, runs)


if __name__ == "__main__":
    main()

"""Pulls by several tools in turn, each into an empty store on the same file system."""

from __future__ import annotations

import contextlib
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

from benchmarks.measuring import Run, measure, touch
from benchmarks.tools import Tool


@dataclass(frozen=True, slots=True)
class Result:
    """All runs of one tool.

    Attributes:
        ratio: Its median, in Strata's medians.
    """

    tool: Tool
    runs: Sequence[Run]
    ratio: float | None

    @property
    def median(self) -> float:
        return statistics.median(run.seconds for run in self.runs)


def compare(name: str, tools: Sequence[Tool], rounds: int, on: Path, room: int) -> list[Result]:
    """Pull ``name`` by all tools, ``rounds`` times in turn.

    Args:
        room: Bytes of memory to touch before each run.

    Raises:
        Failed: a tool cannot pull it.
    """
    runs: dict[str, list[Run]] = {tool.name: [] for tool in tools}
    for _ in range(rounds):
        for tool in tools:
            with empty_place(on, tool) as place:
                touch(place, room)
                with tool.daemon(place) as daemon:
                    run = measure(tool.commands(place, name), tool.environment(place), daemon, place / "log")
            runs[tool.name].append(run)
            print(f"{name} by {tool.name}: {run.seconds:.2f} s", file=sys.stderr, flush=True)
    ours = statistics.median(run.seconds for run in runs["strata"]) if runs.get("strata") else None
    results = []
    for tool in tools:
        median = statistics.median(run.seconds for run in runs[tool.name])
        results.append(Result(tool, runs[tool.name], median / ours if ours else None))
    return results


@contextlib.contextmanager
def empty_place(on: Path, tool: Tool | None = None) -> Iterator[Path]:
    """An empty directory; nothing of it stays, whatever happens."""
    place = Path(mkdtemp(prefix="strata-bench-", dir=on))
    try:
        yield place
    finally:
        if tool is not None and tool.clean is not None:
            subprocess.run(tool.clean(place), capture_output=True, check=False)
        _unmount_all(place)
        shutil.rmtree(place, ignore_errors=True)


def _unmount_all(place: Path) -> None:
    """What a killed tool left mounted below ``place``, the innermost first."""
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for mount in sorted((mount for mount in mounts if mount.startswith(f"{place}/")), reverse=True):
        subprocess.run(["umount", "--lazy", mount], capture_output=True, check=False)

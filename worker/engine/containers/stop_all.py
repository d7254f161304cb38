"""End every container of a store, for the machine's or the program's shutdown.

``python -m worker.engine.containers.stop_all STORE_DIR [--timeout SECONDS]``

It needs no lock and no runtime, only the processes themselves: it works when a worker was killed in the
middle of something. What it leaves is in order: exit codes are recorded, and a start mounts again.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import time
from pathlib import Path

from worker.engine.containers.about import About
from worker.engine.containers.home import Home
from worker.engine.containers.mounts import mounts_below
from worker.engine.containers.overlay import unmount
from worker.engine.containers.process import HostProcess
from worker.engine.containers.run import Run, signal_number
from worker.engine.errors import StrataError

_REPORT_PATIENCE = 1.0


def stop_all(containers: Path, timeout: float = 0.5) -> int:
    """Stop all containers together, kill after ``timeout`` seconds what still runs, and unmount all.

    Args:
        containers: The directory ``containers`` of a store; if it does not exist, there is nothing to do.

    Returns:
        How many containers ran.

    Raises:
        MountFailed: this process may not unmount.
    """
    if not containers.is_dir():
        return 0
    runs = [(home, run) for home in map(Home, containers.iterdir()) if (run := _running(home)) is not None]
    for home, run in runs:
        run.process.send(_stop_signal(home))
    _wait([run.process for _, run in runs], timeout)
    for _, run in runs:
        run.process.send(signal.SIGKILL)
    _wait([run.process for _, run in runs], _REPORT_PATIENCE)
    _wait([run.monitor for _, run in runs if run.monitor is not None], _REPORT_PATIENCE)
    for mount in reversed(mounts_below(containers)):
        unmount(mount.point)
    return len(runs)


def _running(home: Home) -> Run | None:
    # One damaged record must not keep the others running.
    with contextlib.suppress(StrataError):
        run = Run.last(home)
        return run if run is not None and run.process.alive else None
    return None


def _stop_signal(home: Home) -> int:
    with contextlib.suppress(StrataError):
        about = About.of(home)
        return signal_number(about.stop_signal if about is not None else "")
    return signal.SIGTERM


def _wait(processes: list[HostProcess], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    for process in processes:
        process.wait(deadline - time.monotonic())


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog="stop_all", description="End every container of a store.")
    parser.add_argument("store", type=Path, help="the store's directory")
    parser.add_argument("--timeout", type=float, default=0.5, help="seconds before the kill (default: 0.5)")
    options = parser.parse_args(arguments)
    try:
        stop_all(options.store / "containers", options.timeout)
    except StrataError as error:
        print(f"{error.message} {error.hint}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

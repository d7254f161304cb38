"""One run of a container: its processes and its end, as remembered on disk."""

from __future__ import annotations

import dataclasses
import signal
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from worker.engine.containers.home import Home, damaged, read_json, write_json
from worker.engine.containers.plan import ContainerStatus
from worker.engine.containers.process import HostProcess

_MONITOR_PATIENCE = 5.0


@dataclass(frozen=True, slots=True)
class Run:
    """What was started.

    Attributes:
        process: The container's first process.
        monitor: conmon, which reports the end of it; None if it was gone at once.
        started_at: None as long as the program itself does not run.
    """

    process: HostProcess
    monitor: HostProcess | None
    started_at: datetime | None = None

    @classmethod
    def last(cls, home: Home) -> Run | None:
        """The last run of a container; None if there was none.

        Raises:
            StoreDamaged: the record can not be read.
        """
        value = read_json(home.run)
        if value is None:
            return None
        try:
            monitor, started_at = value["monitor"], value["started_at"]
            return cls(
                HostProcess(**value["process"]),
                HostProcess(**monitor) if monitor else None,
                datetime.fromisoformat(started_at) if started_at else None,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise damaged(home.run) from error

    def save(self, home: Home) -> None:
        value: dict[str, Any] = dataclasses.asdict(self)
        value["started_at"] = self.started_at.isoformat() if self.started_at else None
        write_json(home.run, value)

    def over(self, home: Home) -> bool:
        """Whether it has ended for sure, also if its processes are out of sight: in another PID namespace."""
        return home.exit_file.exists() or self.process.before_boot

    def finish(self, home: Home, signals: tuple[tuple[int, float], ...]) -> bool:
        """Send signals in turn, each with the seconds to wait for the end; then see the end reported.

        Returns:
            Whether it ended.
        """
        ended = any(not self.process.send(number) or self.process.wait(wait) for number, wait in signals)
        if ended:
            self.settle(home)
        return ended

    def settle(self, home: Home) -> None:
        """Wait until the monitor has said its last word, so that it can not speak into the next run."""
        if self.monitor is not None and not self.monitor.wait(_MONITOR_PATIENCE):
            self.monitor.send(signal.SIGKILL)
            self.monitor.wait(_MONITOR_PATIENCE)


def status_of(home: Home) -> ContainerStatus:
    """What a container that exists does now, from its processes and the exit file.

    After a reboot, or when somebody killed the monitor, the exit code is not known: None.
    """
    run = Run.last(home)
    if run is None or run.started_at is None:
        return ContainerStatus("created")
    if run.process.alive:
        return ContainerStatus("running", pid=run.process.pid, started_at=run.started_at)
    # Between the end of the process and the report of it are some milliseconds.
    deadline = time.monotonic() + 1.0
    while not home.exit_file.exists() and time.monotonic() < deadline:
        if run.monitor is None or not run.monitor.alive:
            break
        time.sleep(0.01)
    try:
        code = int(home.exit_file.read_text())
        finished = datetime.fromtimestamp(home.exit_file.stat().st_mtime, UTC)
    except (FileNotFoundError, ValueError):
        return ContainerStatus("stopped", started_at=run.started_at)
    return ContainerStatus("stopped", exit_code=code, started_at=run.started_at, finished_at=finished)


def signal_number(text: str) -> int:
    """Read a ``StopSignal``: ``SIGTERM``, ``TERM``, ``15`` or ``SIGRTMIN+3``; SIGTERM when it is none."""
    name = text.strip().upper().removeprefix("SIG")
    if name.isascii() and name.isdigit() and 0 < int(name) <= signal.SIGRTMAX:
        return int(name)
    for base, sign in (("RTMIN", "+"), ("RTMAX", "-")):
        offset = name.removeprefix(base + sign)
        if offset != name and offset.isascii() and offset.isdigit():
            number = signal.Signals[f"SIG{base}"] + int(sign + offset)
            return number if signal.SIGRTMIN <= number <= signal.SIGRTMAX else signal.SIGTERM
    return signal.Signals.__members__.get(f"SIG{name}", signal.SIGTERM)

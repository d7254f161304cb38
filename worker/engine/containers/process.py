"""A process of this machine that is not our child, known for sure although numbers are used again."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_GONE = frozenset({"Z", "X", "x"})  # exited; a zombie only waits for its parent


@dataclass(frozen=True, slots=True)
class HostProcess:
    """One process, for as long as it lives and never another one with the same number.

    Attributes:
        pid: Its number.
        started: Clock ticks from boot to its start (proc(5), ``starttime``).
        boot: The boot in which that was.
    """

    pid: int
    started: int
    boot: str

    @classmethod
    def find(cls, pid: int) -> HostProcess | None:
        """The living process of that number, if there is one."""
        started = _started(pid)
        return None if started is None else cls(pid, started, _boot())

    @property
    def before_boot(self) -> bool:
        """Whether the machine was started anew since."""
        return self.boot != _boot()

    @property
    def alive(self) -> bool:
        """Whether it lives, as far as this process's PID namespace shows."""
        return not self.before_boot and _started(self.pid) == self.started

    def send(self, number: int) -> bool:
        """Send a signal; tell whether the process was there to get it."""
        with self._handle() as handle:
            if handle is None:
                return False
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, number)
            return True

    def wait(self, timeout: float) -> bool:
        """Wait at most ``timeout`` seconds for its end; tell whether it ended."""
        with self._handle() as handle:
            if handle is None:
                return True
            poll = select.poll()
            poll.register(handle, select.POLLIN)
            return bool(poll.poll(max(0.0, timeout) * 1000))

    @contextlib.contextmanager
    def _handle(self) -> Iterator[int | None]:
        """A descriptor that stands for this process; None if it is gone.

        It is checked after it was opened: from then on the number can not be given to another.
        """
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            yield None
            return
        try:
            yield handle if self.alive else None
        finally:
            os.close(handle)


def _boot() -> str:
    return _BOOT_ID.read_text().strip()


def _started(pid: int) -> int | None:
    try:
        content = Path(f"/proc/{pid}/stat").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name, in parentheses, may itself hold spaces and parentheses.
    state, *fields = content[content.rindex(b")") + 1 :].split()
    return None if state.decode() in _GONE else int(fields[18])

"""One supervisor per data directory."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from supervisor.problem import Problem

# After a kill -9 the guard still holds the lock while it ends what was left running.
_PATIENCE = 8.0


def take(data: Path, *, patience: float = _PATIENCE) -> int:
    """Take the data directory's lock and return its descriptor, which must stay open.

    The lock goes with its last holder, so nothing stale can stay behind. Raise Problem if another
    supervisor lives; wait up to ``patience`` seconds for the remains of one that was killed.
    """
    descriptor = os.open(data / "supervisor.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    deadline = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 20, 0).decode(errors="replace").strip()
            if _lives(holder) or time.monotonic() > deadline:
                os.close(descriptor)
                raise Problem(
                    f"Strata already runs on {data} (process {holder or 'unknown'}): "
                    "stop it first, or choose another directory with STRATA_DATA."
                ) from None
            time.sleep(0.1)
        else:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            return descriptor


def _lives(holder: str) -> bool:
    """Tell whether process ``holder`` runs; a zombie does not. Where that cannot be known: yes."""
    if not holder.isdigit():
        return False
    try:
        state = Path(f"/proc/{holder}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return state not in {"Z", "X"}

"""A worker's processes begin and end.

SIGTERM to the main process is Celery's warm shutdown: it waits for the tasks that run. So tell them: a pull
then stops within a second and is queued again, to go on from the bytes on disk.
"""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any

from celery import signals

from worker.tasks.running import busy
from worker.tasks.stopping import remember_parent, stop


@signals.worker_shutting_down.connect
def _shutting_down(**kwargs: Any) -> None:
    stop()


@signals.worker_process_init.connect
def _child_begins(**kwargs: Any) -> None:
    remember_parent()
    signal.signal(signal.SIGTERM, _child_terminated)


def _child_terminated(number: int, frame: FrameType | None) -> None:
    """The whole process group was told to end: put the job back first, if there is one."""
    stop()
    if not busy():
        raise SystemExit(0)

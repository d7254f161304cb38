"""A worker's processes begin and end.

SIGTERM to the main process is Celery's warm shutdown: it waits for the tasks that run. So tell them: a pull
then stops within a second and is queued again, to go on from the bytes on disk. Celery's children look only
once a second whether they should go; who starts Strata waits two seconds in all, so a signal tells them.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from contextlib import suppress
from types import FrameType
from typing import Any

from billiard import active_children
from celery import signals

from worker.tasks.stopping import remember_parent, stop

_LOOK_SECONDS = 0.05
# Within this a child has told its parent the result of its last task.
_GOODBYE_SECONDS = 0.1
# Billiard leaves this one alone; what it does on SIGTERM takes a second.
_GO = signal.SIGUSR2

_AGAIN_SECONDS = 0.2

_billiards_handlers: list[Any] = []
_going = threading.Event()


@signals.worker_shutting_down.connect
def _shutting_down(**kwargs: Any) -> None:
    stop()
    threading.Thread(target=_send_children_away, name="sending away", daemon=True).start()


def _send_children_away() -> None:
    """Again and again: until Celery has closed its pool, it starts a new child for each that went."""
    while True:
        time.sleep(_AGAIN_SECONDS)
        for child in active_children():
            with suppress(ProcessLookupError):
                os.kill(child.pid, _GO)


@signals.worker_process_init.connect
def _child_begins(**kwargs: Any) -> None:
    remember_parent()
    signal.signal(_GO, _go)


@signals.task_prerun.connect
def _task_begins(**kwargs: Any) -> None:
    """A SIGTERM to the whole process group must not tear a task apart."""
    _billiards_handlers.append(signal.signal(signal.SIGTERM, _go))


@signals.task_postrun.connect
def _task_ends(**kwargs: Any) -> None:
    if _billiards_handlers:
        signal.signal(signal.SIGTERM, _billiards_handlers.pop())


def _go(number: int, frame: FrameType | None) -> None:
    """End this child: at once if it has nothing to do, else when its task has put its job back."""
    stop()
    if not _billiards_handlers:
        os._exit(0)
    if not _going.is_set():
        _going.set()
        threading.Thread(target=_go_when_done, name="going", daemon=True).start()


def _go_when_done() -> None:
    while _billiards_handlers:
        time.sleep(_LOOK_SECONDS)
    time.sleep(_GOODBYE_SECONDS)
    os._exit(0)

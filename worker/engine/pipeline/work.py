"""All layers of an image, several at once."""

from __future__ import annotations

import os
from collections.abc import Sequence

from worker.engine.cancel import CancelToken
from worker.engine.disk import disk_errors
from worker.engine.layers import Limits
from worker.engine.layers.spawner import Spawner
from worker.engine.pipeline.additions import Additions
from worker.engine.pipeline.layer import Brought, LayerWork, Source
from worker.engine.pipeline.parallel import run_all
from worker.engine.pipeline.plan import LayerTask, Need
from worker.engine.pipeline.progress import Announcer, flushing
from worker.engine.store import Store


def bring_layers(
    store: Store,
    tasks: Sequence[LayerTask],
    source: Source | None,
    announcer: Announcer,
    cancel: CancelToken,
    additions: Additions,
    *,
    at_once: int = 0,
    limits: Limits | None = None,
) -> tuple[Brought, ...]:
    """Bring every layer into the store; the first failure ends all. Return what each of ``tasks`` took.

    Args:
        source: Where missing blobs come from; None to work only with what is here.
        cancel: Is cancelled when one fails.
        additions: Is told what enters the store.
        at_once: Layers at the same time; 0 for the number of CPUs.
        limits: What each layer may be; None for the usual.

    Raises:
        StrataError: see :meth:`LayerWork.run`.
    """
    # What needs no work first, then the largest: begun last, it would be waited for alone.
    ordered = sorted(tasks, key=lambda task: (task.need is not Need.NOTHING, -task.descriptor.size))
    with Spawner() as spawner:
        if any(task.need is Need.TREE for task in tasks):
            with disk_errors("extract layers"):
                spawner.prepare()
        works = [
            LayerWork(store, task, source, announcer, cancel, additions, spawner, limits=limits)
            for task in ordered
        ]
        with flushing([work.report for work in works]):
            results = run_all([work.run for work in works], at_once or len(os.sched_getaffinity(0)), cancel)
    brought = dict(zip(ordered, results, strict=True))
    return tuple(brought[task] for task in tasks)

"""Clearing away what nothing needs: mark and sweep, beside any number of running pulls.

What is needed is marked twice. First at leisure; what it leaves are suspects. Then the gate is closed, which
keeps new pins out: with all pins, lists and containers as they are now, each suspect that is still not needed
is moved out of sight, by a rename. That is all that pulls ever wait for; deleting comes after. A kill at any
instant leaves the store valid: it only holds less, or more, of what nobody needs.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from worker.engine.cancel import CancelToken
from worker.engine.disk import disk_errors
from worker.engine.errors import DiskFull
from worker.engine.events import Keeping, Listener, ignore
from worker.engine.housekeeping.suspects import Suspect, suspects
from worker.engine.housekeeping.values import Collected, Garbage
from worker.engine.housekeeping.walk import usage
from worker.engine.pipeline.needed import Marks, Needed
from worker.engine.store import Store

AT_ONCE = 500
"""So many renames happen while the gate is closed: some milliseconds."""
PARTIALS_OLDER_THAN = 86400.0  # seconds


def collect(
    store: Store,
    *,
    dry_run: bool = False,
    partials_older_than: float = PARTIALS_OLDER_THAN,
    listener: Listener = ignore,
    cancel: CancelToken | None = None,
) -> Collected:
    """Remove what no listed image, no container and no running work needs.

    Args:
        dry_run: Only tell what it would be; nothing is written then, not even a lock.
        partials_older_than: Seconds since the last byte arrived, after which an unfinished download that
            nobody is working on is given up.

    Raises:
        StoreDamaged: a list, a listed image or a container cannot be read, and so what it needs cannot be
            told; nothing is removed then.
        StoreError: the disk refuses.
        Cancelled: what is out of sight by then is deleted the next time.
    """
    if not dry_run:
        store.prepare()
    listener(Keeping("looking", 0, 0, 0, ""))
    needed = Needed(store, cancel)
    with disk_errors("look for what nothing needs"):
        marks = needed.look()
        before = time.time() - partials_older_than
        found = [suspect for suspect in suspects(store, before) if suspect.unneeded(marks)]
    if not dry_run:
        found = list(_sweep(store, needed, found, listener, cancel))
    else:
        found += _left(store)
    items = sorted((suspect.garbage for suspect in found), key=lambda item: (item.kind, item.name))
    return Collected(tuple(items), sum(item.size for item in items))


def _sweep(
    store: Store, needed: Needed, found: Sequence[Suspect], listener: Listener, cancel: CancelToken | None
) -> Iterator[Suspect]:
    """Move aside what is still not needed, and delete it; yield what it was."""
    done = size = 0
    left = _left(store)
    store.trash.empty(cancel)
    yield from left
    rest = list(found)
    while rest:
        if cancel is not None:
            cancel.check()
        taken, _, looked_at = take_unneeded(store, needed, rest[:AT_ONCE], cancel)
        rest = rest[looked_at:]
        done, size = done + looked_at, size + sum(suspect.garbage.size for suspect in taken)
        store.trash.empty(cancel)
        listener(Keeping("clearing away", done, len(found), size, taken[-1].garbage.name if taken else ""))
        yield from taken


def _left(store: Store) -> list[Suspect]:
    """What somebody moved aside, and was killed before it was deleted."""
    return [
        Suspect(Garbage("other", str(path.relative_to(store.root)), usage(path)), path)
        for path in store.trash.left()
    ]


class Taken(NamedTuple):
    """What one closing of the gate came to.

    Attributes:
        suspects: Those that were moved out of sight.
        marks: What was needed.
        looked_at: How many were looked at, from the first on.
    """

    suspects: list[Suspect]
    marks: Marks
    looked_at: int


def take_unneeded(
    store: Store, needed: Needed, found: Sequence[Suspect], cancel: CancelToken | None
) -> Taken:
    """Move aside what is still not needed, with the gate closed: at most :data:`AT_ONCE` at a time.

    Even a rename can need room on the disk: deleting what was moved by then makes some.
    """
    taken: list[Suspect] = []
    with store.pins.closed(cancel):
        marks = needed.look()
        for position, suspect in enumerate(found):
            try:
                if suspect.unneeded(marks) and suspect.take(store.trash):
                    taken.append(suspect)
            except DiskFull:
                if not taken:
                    raise
                return Taken(taken, marks, position)
    return Taken(taken, marks, len(found))

"""Keeping the search database as the store is: what is new goes in, what is gone comes out, and a database
that is damaged is replaced.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from worker.engine.cancel import CancelToken
from worker.engine.disk import disk_errors
from worker.engine.errors import LayerMissing, SearchDamaged, StoreDamaged
from worker.engine.layers import FileIndex
from worker.engine.oci import Digest
from worker.engine.search import database
from worker.engine.search.writing import SearchWriter
from worker.engine.store import LayerStore, file_lock

logger = logging.getLogger(__name__)


class Busy(Exception):
    """Another process keeps the database at the moment."""


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Be the only one who writes. Raises Busy if another one is."""

    def give_up() -> None:
        raise Busy

    with disk_errors("make the directory of the search database"):
        directory.mkdir(parents=True, exist_ok=True)
    with file_lock(directory / "lock", on_wait=give_up):
        yield


def keep_up(
    directory: Path,
    layers: LayerStore,
    wanted: Callable[[], Collection[Digest]],
    damaged: Callable[[Digest], None],
    *,
    suspicious: bool = False,
    cancel: CancelToken | None = None,
) -> int:
    """Make the database hold the layers that are ``wanted``, and no other; return how many came in.

    Args:
        directory: Where the database stands.
        wanted: Asked again after every layer, so that whoever is not let in meanwhile need not come back.
        damaged: Called for a layer whose file index cannot be read; it is left out, until the next time.
        suspicious: Look through the whole file first, whether it is sound.

    Raises:
        Busy: another process does this.
        StoreError: the disk is full or refuses.
        Cancelled: the layers that are in by then stay.
    """
    with alone(directory):
        path = database.current(directory)
        if path is None or (suspicious and not _is_sound(path)):
            path = _new(directory)  # never of the same name: readers would take it for the one that they know
        try:
            return _fill(path, layers, wanted, damaged, cancel)
        except SearchDamaged as error:
            logger.warning("the search database is made again: %s", error.message)
            path = _new(directory)
        return _fill(path, layers, wanted, damaged, cancel)


def rebuild(
    directory: Path,
    layers: LayerStore,
    wanted: Callable[[], Collection[Digest]],
    damaged: Callable[[Digest], None],
    *,
    progress: Callable[[Digest], None] = lambda _: None,
    cancel: CancelToken | None = None,
) -> int:
    """Make a new database beside the one there is, which serves until the new one is whole (see
    :func:`keep_up`).

    Args:
        progress: Called for every layer that is in.
    """
    with alone(directory):
        made = database.following(directory).with_suffix(".making")
        database.remove(made)
        database.create(made)
        try:
            count = _fill(made, layers, wanted, damaged, cancel, progress)
            database.put_in_place(made, database.following(directory))
        finally:
            database.remove(made)
        _clear(directory)
        return count


def _fill(
    path: Path,
    layers: LayerStore,
    wanted: Callable[[], Collection[Digest]],
    damaged: Callable[[Digest], None],
    cancel: CancelToken | None,
    progress: Callable[[Digest], None] = lambda _: None,
) -> int:
    count, unreadable = 0, set[Digest]()
    with SearchWriter(path) as writer:
        while True:
            want = list(wanted())
            have = writer.layers()
            writer.forget(have.difference(want))
            missing = [diff_id for diff_id in want if diff_id not in have and diff_id not in unreadable]
            if not missing:
                return count
            if cancel is not None:
                cancel.check()
            begun = time.monotonic()
            try:
                writer.add(missing[0], FileIndex(layers.index_path(missing[0])).entries(), cancel)
            except SearchDamaged:
                raise
            except (LayerMissing, StoreDamaged) as error:
                unreadable.add(missing[0])
                if layers.has(missing[0]):
                    logger.warning("the layer %s cannot be searched: %s", missing[0], error.message)
                    damaged(missing[0])
                continue
            logger.info("the layer %s can be searched after %.1f s", missing[0], time.monotonic() - begun)
            count += 1
            progress(missing[0])
            writer.write_back()


def _new(directory: Path) -> Path:
    path = database.following(directory)
    made = path.with_suffix(".making")
    database.remove(made)
    database.create(made)
    database.put_in_place(made, path)
    _clear(directory)
    return path


def _is_sound(path: Path) -> bool:
    try:
        with SearchWriter(path) as writer:
            return writer.is_sound()
    except SearchDamaged:
        return False


def _clear(directory: Path) -> None:
    for path in database.outdated(directory):
        path.unlink(missing_ok=True)

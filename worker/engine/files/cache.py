"""Layers' tables and merged views, kept for the next page: shared between images, and bounded."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Protocol, TypeVar, cast

from worker.engine.errors import TooManyFiles
from worker.engine.files.image_files import ImageFiles
from worker.engine.files.loading import load_table
from worker.engine.files.merge import stack_up
from worker.engine.files.table import LayerTable
from worker.engine.files.view import View
from worker.engine.oci import Digest
from worker.engine.store import LayerStore

_Chain = tuple[Path, ...]
"""The indexes of a stack's layers: what a view is kept by. A table is kept by its layer's alone."""
_AT_ONCE = 2  # are made at once: that takes several times the memory of what comes of it


class Sized(Protocol):
    """What says how much memory it takes, in bytes."""

    @property
    def nbytes(self) -> int: ...


T = TypeVar("T", bound=Sized)


class FilesCache:
    """What was read and merged lately, of all images together. Safe to use from several threads.

    Images that stand on the same layers share their tables, and the views as of these layers. What was
    used longest ago goes first; what is in use stays alive as long as it is used, cached or not.

    Args:
        max_bytes: Memory that it takes at most. What alone is larger is not kept.
        largest: Memory that the tables of one image may take, in bytes, kept or not.
    """

    def __init__(self, max_bytes: int, largest: int = 1 << 32) -> None:
        self._max_bytes = max_bytes
        self._largest = largest
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, tuple[Sized, int]] = OrderedDict()  # with its size
        self._size = 0
        self._making: dict[Hashable, Future[Sized]] = {}
        self._turns = threading.BoundedSemaphore(_AT_ONCE)

    @property
    def nbytes(self) -> int:
        """Memory that it takes now."""
        with self._lock:
            return self._size

    def image(self, layers: LayerStore, diff_ids: Sequence[Digest]) -> ImageFiles:
        """The files of an image, as :meth:`ImageFiles.of` reads them, with the same errors.

        Raises:
            TooManyFiles: besides, they take more memory than may be.
        """
        tables: dict[Digest, LayerTable] = {}
        room = self._largest
        for diff_id in dict.fromkeys(diff_ids):
            tables[diff_id] = self._table(layers, diff_id)
            room -= tables[diff_id].nbytes
            if room < 0:
                raise TooManyFiles(
                    "The lists of this image's files take more memory than can be used for them."
                )
        stack = tuple(tables[diff_id] for diff_id in diff_ids)
        chain = tuple(layers.index_path(diff_id) for diff_id in diff_ids)
        return ImageFiles(stack, lambda top: self._view(stack[: top + 1], chain[: top + 1]))

    def keep(self, key: Hashable, make: Callable[[], T]) -> T:
        """What was made of views, and is kept beside them; or make it now.

        Its ``nbytes`` must count what it holds on to; ``make`` must not ask this cache.
        """
        return self._get(("made", key), lambda: self._in_turn(make))

    def _table(self, layers: LayerStore, diff_id: Digest) -> LayerTable:
        if not layers.index_path(diff_id).exists():
            return load_table(layers, diff_id)  # which says so: pages must not depend on what is kept
        return self._get(
            layers.index_path(diff_id),
            lambda: self._in_turn(lambda: load_table(layers, diff_id, self._largest)),
        )

    def _in_turn(self, make: Callable[[], T]) -> T:
        with self._turns:
            return make()

    def _view(self, tables: tuple[LayerTable, ...], chain: _Chain) -> View:
        view = self._get(chain, lambda: self._make(tables, chain))
        with self._lock:
            # Tables count as used after the views of them: what is let go of first holds on to others.
            for path in chain:
                if path in self._kept:
                    self._kept.move_to_end(path)
        return view

    def _make(self, tables: tuple[LayerTable, ...], chain: _Chain) -> View:
        """Begin at the topmost layer that a view is kept of."""
        merged, start = None, 0
        with self._lock:
            for count in range(len(chain) - 1, 0, -1):
                below, _ = self._kept.get(chain[:count], (None, 0))
                if isinstance(below, View):
                    merged, start = below.merged, count
                    break
        return View(tables, stack_up(tables, merged, start))

    def _get(self, key: Hashable, make: Callable[[], T]) -> T:
        """What is kept, or made now; of threads that ask for the same, one makes it."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return cast("T", self._kept[key][0])
            future = self._making.get(key)
            mine = future is None
            if future is None:
                future = self._making[key] = Future()
        if not mine:
            return cast("T", future.result())
        try:
            made = make()
        except BaseException as error:
            future.set_exception(error)
            raise
        else:
            self._keep(key, made)
            future.set_result(made)
            return made
        finally:
            with self._lock:
                del self._making[key]

    def _keep(self, key: Hashable, made: Sized) -> None:
        size = made.nbytes
        with self._lock:
            if isinstance(made, View):
                # It holds on to its tables, also to those that are not kept themselves.
                kept = {id(value) for value, _ in self._kept.values()}
                size += sum(table.nbytes for table in {*made.tables} if id(table) not in kept)
            if size > self._max_bytes:
                return
            self._kept[key] = made, size
            self._size += size
            while self._size > self._max_bytes:
                self._size -= self._kept.popitem(last=False)[1][1]

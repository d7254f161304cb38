"""Layers' tables and merged views, kept for the next page: shared between images, and bounded."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar, cast

from worker.engine.files.image_files import ImageFiles
from worker.engine.files.loading import load_table
from worker.engine.files.merge import stack_up
from worker.engine.files.table import LayerTable
from worker.engine.files.view import View
from worker.engine.oci import Digest
from worker.engine.store import LayerStore

T = TypeVar("T", LayerTable, View)
_Chain = tuple[Path, ...]
"""The indexes of a stack's layers: what a view is kept by. A table is kept by its layer's alone."""


class FilesCache:
    """What was read and merged lately, of all images together. Safe to use from several threads.

    Images that stand on the same layers share their tables, and the views as of these layers. What was
    used longest ago goes first; what is in use stays alive as long as it is used, cached or not.

    Args:
        max_bytes: Memory that it takes at most. What alone is larger is not kept.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[Path | _Chain, tuple[LayerTable | View, int]] = OrderedDict()  # with its size
        self._size = 0
        self._making: dict[Path | _Chain, Future[LayerTable | View]] = {}

    @property
    def nbytes(self) -> int:
        """Memory that it takes now."""
        with self._lock:
            return self._size

    def image(self, layers: LayerStore, diff_ids: Sequence[Digest]) -> ImageFiles:
        """The files of an image, as :meth:`ImageFiles.of` reads them, with the same errors."""
        tables = {diff_id: self._table(layers, diff_id) for diff_id in dict.fromkeys(diff_ids)}
        stack = tuple(tables[diff_id] for diff_id in diff_ids)
        chain = tuple(layers.index_path(diff_id) for diff_id in diff_ids)
        return ImageFiles(stack, lambda top: self._view(stack[: top + 1], chain[: top + 1]))

    def _table(self, layers: LayerStore, diff_id: Digest) -> LayerTable:
        if not layers.has(diff_id):
            return load_table(layers, diff_id)  # which says so: pages must not depend on what is kept
        return self._get(layers.index_path(diff_id), lambda: load_table(layers, diff_id))

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

    def _get(self, key: Path | _Chain, make: Callable[[], T]) -> T:
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

    def _keep(self, key: Path | _Chain, made: LayerTable | View) -> None:
        size = made.nbytes
        if size > self._max_bytes:
            return
        with self._lock:
            self._kept[key] = made, size
            self._size += size
            while self._size > self._max_bytes:
                self._size -= self._kept.popitem(last=False)[1][1]

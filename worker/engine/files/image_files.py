"""The files of an image: its layers' tables, merged as of any of them, and the history of a path."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Self

from worker.engine.files.entries import differences, node_of
from worker.engine.files.loading import load_table, make_table
from worker.engine.files.merge import stack_up
from worker.engine.files.table import DIRECTORIES, IMPLIED, WHITEOUT, LayerTable
from worker.engine.files.values import Change, Difference, Version
from worker.engine.files.view import View
from worker.engine.oci import Digest
from worker.engine.store import LayerStore

ViewOf = Callable[[int], View]


class ImageFiles:
    """All that is known of an image's files. Get one from a :class:`FilesCache` where there is one.

    Attributes:
        depth: Layers.
        tables: What each of them has itself, the base first, in columns.
    """

    def __init__(self, tables: Sequence[LayerTable], view_of: ViewOf | None = None) -> None:
        """``view_of`` is asked for the view as of a layer; without it views are made, and not kept."""
        self.depth = len(tables)
        self.tables = tuple(tables)
        self._view_of = view_of or self._make_view

    @classmethod
    def of(cls, layers: LayerStore, diff_ids: Sequence[Digest]) -> Self:
        """Read the file indexes of an image's layers, the base first.

        Raises:
            LayerMissing: a layer is not extracted. The error's ``diff_id`` names it.
            StoreDamaged: a layer's index is damaged. Likewise.
        """
        tables = {diff_id: load_table(layers, diff_id) for diff_id in dict.fromkeys(diff_ids)}
        return cls([tables[diff_id] for diff_id in diff_ids])

    def view(self, top: int | None = None) -> View:
        """The merged tree as of layer ``top``, 0 being the base; None: the whole image.

        Raises:
            IndexError: there is no such layer.
        """
        if top is None:
            top = max(self.depth - 1, 0)
        elif not 0 <= top < self.depth:
            raise IndexError(top)
        if not self.depth:
            root = make_table(())
            return View((root,), stack_up((root,)))
        return self._view_of(top)

    def history(self, path: bytes) -> tuple[Version, ...]:
        """What each layer that says something about ``path`` says, the base first.

        A layer that removes a directory above removes what is in it, too. One that has just what is there
        before is listed, for it carries its bytes once more: with no change.
        """
        versions: list[Version] = []
        now: tuple[int, int] | None = None  # the layer and row that is there
        for layer in range(self.depth):
            row, hides = self._said(layer, path)
            table = self.tables[layer]
            if row is None or table.kinds[row] == WHITEOUT:
                if now is not None and hides:
                    versions.append(Version(layer, Change.REMOVED, None))
                    now = None
                continue
            if table.kinds[row] == IMPLIED and not hides and self._is_directory(now):
                continue  # it is said to be there, and nothing else
            change, what = Change.ADDED, tuple[Difference, ...]()
            if now is not None:
                what = differences(self.tables[now[0]], now[1], table, row)
                change = Change.CHANGED if what else Change.NONE
            versions.append(Version(layer, change, node_of(table, row, path, layer, change, what)))
            now = layer, row
        return tuple(versions)

    def _is_directory(self, place: tuple[int, int] | None) -> bool:
        return place is not None and self.tables[place[0]].kinds[place[1]] in DIRECTORIES

    def _said(self, layer: int, path: bytes) -> tuple[int | None, bool]:
        """The row that a layer has for ``path``, and whether it hides what is below there."""
        table = self.tables[layer]
        parts = path.split(b"/") if path else []
        hides = False
        for length in range(len(parts)):
            above = table.find(b"/".join(parts[:length]))
            if above is None:
                return None, hides
            if table.kinds[above] not in DIRECTORIES:
                return None, True
            hides = hides or above in table.opaque
        row = table.find(path)
        return row, hides or (row is not None and table.kinds[row] == WHITEOUT)

    def _make_view(self, top: int) -> View:
        tables = self.tables[: top + 1]
        return View(tables, stack_up(tables))

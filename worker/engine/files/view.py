"""The merged tree of an image as of one of its layers: looked up, listed, walked and summed."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import overload

from worker.engine.errors import LinkLoop
from worker.engine.files.columns import Columns
from worker.engine.files.entries import Entries, differences
from worker.engine.files.merge import Merged
from worker.engine.files.sums import Totals, changes_of
from worker.engine.files.table import LayerTable
from worker.engine.files.values import Change, Changes, Difference, Node, Total
from worker.engine.layers import EntryType

_MAX_LINKS = 40  # as many as the kernel follows
_MAX_WALKED = 200_000  # a second or two; what people build takes some hundreds
_NOWHERE = frozenset({b"", b"."})
_NOTHING = Total(0, 0, 0, 0)


class View:
    """An image's files with layer ``top`` as the topmost one.

    Everything is made when it is asked for, of columns that images share. Safe to use from several threads.

    Attributes:
        top: Position of the topmost layer; 0 for an image without layers, which has a root and nothing else.
        tables: Its layers, the base first.
        entries: Of each entry, in the order of the tree, which row of which of them it is.
        spans: How many entries each is with everything in it.
        gone: How many entries layer ``top`` removed, for :meth:`gone_node`.
        merged: All of that; for the rest of this package.
    """

    def __init__(self, tables: Sequence[LayerTable], merged: Merged) -> None:
        self.top = len(tables) - 1
        self.tables = tuple(tables)
        self.merged = merged
        self.spans: Sequence[int] = merged.spans
        self.gone = len(merged.removed)
        self.entries = Entries(self.tables, merged.entries)
        self._before = Entries(self.tables, merged.replaced)
        self._gone = Entries(self.tables, merged.removed)

    def __len__(self) -> int:
        """Entries, the root included."""
        return len(self.entries)

    def get(self, path: bytes) -> Node | None:
        """What is at ``path``, links not followed; None if there is nothing."""
        at = self.entries.find(path)
        return self.node(at, path) if at is not None else None

    def removed(self, path: bytes) -> Node | None:
        """What was at ``path`` before layer ``top`` removed it; None if it removed nothing there."""
        at = self._gone.find(path)
        return self._gone.node(at, path, Change.REMOVED) if at is not None else None

    def before(self, path: bytes) -> Node | None:
        """What was at ``path`` before layer ``top`` put something else there; None if it did not."""
        at = self.entries.find(path)
        which = self._replacing(at) if at is not None else None
        return self._before.node(which, path, Change.NONE) if which is not None else None

    def resolve(self, path: bytes) -> Node | None:
        """What ``path`` leads to, links followed inside of the image, from its root if they are absolute.

        None if it leads to nothing.

        Raises:
            LinkLoop: more than 40 links would have to be followed, or ones that lead a way without end.
        """
        pending = [name for name in path.split(b"/") if name not in _NOWHERE][::-1]
        if b".." not in pending:
            straight = self.get(b"/".join(reversed(pending)))
            if straight is not None and straight.type is not EntryType.SYMLINK:
                return straight
        here: list[bytes] = []
        links = walked = 0
        found = self.get(b"")
        while pending:
            name = pending.pop()
            if name in _NOWHERE:
                continue
            if found is None or not found.is_directory:
                return None
            if name == b"..":
                del here[-1:]
            else:
                here.append(name)
            walked += len(here)  # for so many names are looked at
            if walked > _MAX_WALKED:
                raise LinkLoop("The way there is too long.")
            found = self.get(b"/".join(here))
            if found is None or found.type is not EntryType.SYMLINK:
                continue
            links += 1
            if links > _MAX_LINKS:
                raise LinkLoop(f"More than {_MAX_LINKS} links would have to be followed.")
            here = [] if found.link.startswith(b"/") else here[:-1]
            pending += found.link.split(b"/")[::-1]
            found = self.get(b"/".join(here))
        return found

    def children(
        self, path: bytes, *, removed: bool = False, directories_first: bool = False
    ) -> Sequence[Node]:
        """What is in a directory, by name; empty for what is none.

        Nodes are made as they are asked for: a slice of many costs no more than itself.

        Args:
            removed: Also what layer ``top`` removed from it, each in its place among the others. Then
                ``path`` may be a directory that it removed as a whole.
            directories_first: All directories before everything else.
        """
        there, gone = self.entries, self._gone
        at = there.find(path)
        found = [(place, False) for place in self._inside(at)] if at is not None else []
        if removed and (lost := [(place, True) for place in gone.directly_in(path)]):
            found += lost
            found.sort(key=lambda child: (gone if child[1] else there).name(child[0]))
        if directories_first:
            found.sort(key=lambda child: not (gone if child[1] else there).is_directory(child[0]))
        return _Children(self, path, found)

    def walk(self, under: bytes = b"") -> Iterator[Node]:
        """Every entry of the tree at ``under``, that itself first, depth first, in the order of names."""
        start = self.entries.find(under)
        if start is None:
            return
        yield self.node(start, under)
        spans = self.spans
        end, prefix = start + spans[start], under + b"/" if under else b""
        above: list[tuple[int, bytes]] = []
        for at in range(start + 1, end):
            while at >= end:
                end, prefix = above.pop()
            path = prefix + self.entries.name(at)
            yield self.node(at, path)
            if spans[at] > 1:
                above.append((end, prefix))
                end, prefix = at + spans[at], path + b"/"

    def total(self, path: bytes) -> Total:
        """What is in a directory at any depth; all zeros for what is no directory."""
        at = self.entries.find(path)
        if at is None or not self.entries.is_directory(at):
            return _NOTHING
        return self._totals.within(at, self.spans[at])

    def total_at(self, at: int) -> Total:
        """The same of the directory at a place in the order of the tree, as :meth:`columns` has it."""
        return self._totals.within(at, self.spans[at]) if self.entries.is_directory(at) else _NOTHING

    def changes(self) -> Changes:
        """What layer ``top`` did to what the layers below show."""
        return self._changes

    def changed(self) -> Iterator[Node]:
        """Every entry that layer ``top`` added, changed or removed, with ``change``; those removed last."""
        for at, layer in enumerate(self.merged.entries.layers):
            if layer == self.top:
                node = self.node(at)
                if node.change:
                    yield node
        for at in range(self.gone):
            yield self.gone_node(at)

    @property
    def nbytes(self) -> int:
        """Memory that it takes, in bytes, its totals included, without its layers' tables."""
        return self.merged.nbytes + 16 * (len(self) + 1)

    def columns(self, places: Sequence[int] | None = None) -> Columns:
        """All entries at once, or those at some places: far quicker than :meth:`walk` for very many."""
        rows = self.entries.rows
        return Columns(rows if places is None else rows.at(places), self.tables)

    def node(self, at: int, path: bytes | None = None) -> Node:
        """The entry at a place in the order of the tree, as :meth:`columns` has it."""
        change, what = self._change(at)
        return self.entries.node(at, self.entries.path(at) if path is None else path, change, what)

    def gone_node(self, at: int, path: bytes | None = None) -> Node:
        """What layer ``top`` removed, by its number, which is less than ``gone``."""
        return self._gone.node(at, self._gone.path(at) if path is None else path, Change.REMOVED)

    def _change(self, at: int) -> tuple[Change, tuple[Difference, ...]]:
        if self.entries.layer(at) != self.top:
            return Change.NONE, ()
        which = self._replacing(at)
        if which is None:
            return Change.ADDED, ()
        what = differences(*self._before.place(which), *self.entries.place(at))
        return (Change.CHANGED if what else Change.NONE), what

    def _replacing(self, at: int) -> int | None:
        replacing = self.merged.replacing
        which = bisect_left(replacing, at)
        return which if which < len(replacing) and replacing[which] == at else None

    def _inside(self, at: int) -> Iterator[int]:
        spans = self.spans
        end = at + spans[at]
        at += 1
        while at < end:
            yield at
            at += spans[at]

    @cached_property
    def _totals(self) -> Totals:
        return Totals.of(self.merged, self.tables)

    @cached_property
    def _changes(self) -> Changes:
        return changes_of(self.merged, self.tables)


class _Children(Sequence[Node]):
    """Nodes that are made as they are asked for."""

    def __init__(self, view: View, directory: bytes, places: list[tuple[int, bool]]) -> None:
        self._view = view
        self._prefix = directory + b"/" if directory else b""
        self._places = places

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> Node: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Node]: ...
    def __getitem__(self, index: int | slice) -> Node | Sequence[Node]:
        if isinstance(index, slice):
            return [self._node(*place) for place in self._places[index]]
        return self._node(*self._places[index])

    def _node(self, at: int, gone: bool) -> Node:
        return self._view.gone_node(at) if gone else self._view.node(at)

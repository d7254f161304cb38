"""How much of an image is waste, by the definitions of dive (https://github.com/wagoodman/dive).

dive compares paths across layers. Each layer is a tree; what counts is its *leaves*: files, links, devices,
deletion marks, and directories with nothing in them. A leaf weighs the bytes of its content; the mark of a
deleted directory weighs what was below it, that of a deleted file nothing.

- **score**: for each path its lightest leaf, added up; divided by all leaves, added up. 1 is perfect.
- **wasted bytes**: all leaves of the paths that are leaves more than once. That counts the copy that remains,
  too, so it is more than what could be saved.
- **user wasted**: wasted bytes divided by the bytes of all layers but the first. A ratio, despite the name.

What follows from dive's code rather than from these words, and where we differ on purpose:
docs/weight.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from worker.engine.files import ImageFiles
from worker.engine.files.table import DIRECTORY, WHITEOUT, LayerTable


@dataclass(frozen=True, slots=True)
class Wasted:
    """A path that several layers have.

    Attributes:
        path: From the root, without a leading slash.
        times: In how many layers it is a leaf.
        bytes: Of all of them together.
        layers: Their positions, 0 for the base.
        removed: Whether the last of them deletes it.
    """

    path: bytes
    times: int
    bytes: int
    layers: tuple[int, ...]
    removed: bool


@dataclass(frozen=True, slots=True)
class Efficiency:
    """What dive says of an image.

    Attributes:
        score: 0 to 1; 1 for an image without content.
        wasted_bytes: Bytes of all of ``worst`` together.
        user_wasted_percent: ``wasted_bytes`` as a ratio of ``user_bytes`` (0.1 is ten percent; more than 1 is
            possible). Infinite if something is wasted and there are no such bytes; 0 if nothing is.
        user_bytes: Content of all layers but the first.
        total_bytes: Content of all layers.
        worst: Every path that is counted as waste, the heaviest first; equal ones by path.
    """

    score: float
    wasted_bytes: int
    user_wasted_percent: float
    user_bytes: int
    total_bytes: int
    worst: tuple[Wasted, ...]


def efficiency(files: ImageFiles) -> Efficiency:
    """Work out what dive says of an image."""
    return efficiency_of(files.tables)


def efficiency_of(layers: Sequence[LayerTable]) -> Efficiency:
    """Work out what dive says of an image, from its layers, the base first."""
    last_marked = max((at for at, table in enumerate(layers) if WHITEOUT in table.kinds), default=0)
    below = _Stack()
    tally = _Tally()
    sizes = []
    for at, table in enumerate(layers):
        paths = table.all_paths()
        tally.add(at, _leaves(table, paths, below))
        if at < last_marked:
            below.put(table, paths)
        sizes.append(content_size(table))
    total, user = sum(sizes), sum(sizes[1:])
    worst = tally.worst()
    wasted = sum(one.bytes for one in worst)
    return Efficiency(
        score=tally.least / tally.all if tally.all else 1.0,
        wasted_bytes=wasted,
        user_wasted_percent=_ratio(wasted, user),
        user_bytes=user,
        total_bytes=total,
        worst=worst,
    )


def content_size(table: LayerTable) -> int:
    """Bytes of content that a layer's tar holds: a hard link has none of its own."""
    return sum(table.sizes) - sum(table.sizes[row] for row in table.inodes)


def _ratio(wasted: int, user: int) -> float:
    if user:
        return wasted / user
    return math.inf if wasted else 0.0


def _leaves(table: LayerTable, paths: Sequence[bytes], below: _Stack) -> Iterator[tuple[bytes, int, bool]]:
    """What counts of a layer: path, weight in bytes, and whether it is a deletion mark."""
    sizes, inodes = table.sizes, table.inodes
    rows = zip(range(table.count), paths, table.kinds, table.spans, strict=True)
    next(rows)  # the root
    for row, path, kind, span in rows:
        if kind == WHITEOUT:
            weight = below.weigh(path)
            if weight is not None:
                yield path, weight, True
        elif span == 1:
            yield path, 0 if row in inodes else sizes[row], False


class _Tally:
    """Paths, as one layer after the other has them.

    Attributes:
        least: The lightest leaf of each path, added up.
        all: All leaves, added up.
    """

    def __init__(self) -> None:
        self.least = 0
        self.all = 0
        self._first: dict[bytes, tuple[int, int]] = {}  # most paths occur once
        self._again: dict[bytes, list[tuple[int, int, bool]]] = {}

    def add(self, layer: int, leaves: Iterable[tuple[bytes, int, bool]]) -> None:
        first = self._first
        for path, size, is_mark in leaves:
            self.all += size
            before = first.setdefault(path, (layer, size))
            if before[0] == layer:
                self.least += size
                continue
            all_of_it = self._again.setdefault(path, [(*before, False)])
            lightest = min(one[1] for one in all_of_it)
            self.least += min(size, lightest) - lightest
            all_of_it.append((layer, size, is_mark))

    def worst(self) -> tuple[Wasted, ...]:
        found = [
            Wasted(
                path,
                len(leaves),
                sum(size for _, size, _ in leaves),
                tuple(layer for layer, _, _ in leaves),
                leaves[-1][2],
            )
            for path, leaves in self._again.items()
        ]
        return tuple(sorted(found, key=lambda one: (-one.bytes, one.path)))


class _Stack:
    """The layers over each other as dive stacks them, to weigh what a deletion mark deletes.

    Unlike in a container, opaque marks delete nothing, and what is in a directory outlives that a file takes
    its place.
    """

    def __init__(self) -> None:
        self._sizes: dict[bytes, int | None] = {}  # None: a directory that has an entry of its own
        self._inside: dict[bytes, set[bytes]] = {}

    def put(self, table: LayerTable, paths: Sequence[bytes]) -> None:
        """Add the next layer."""
        for path, kind in zip(paths, table.kinds, strict=True):
            if kind == WHITEOUT:
                self._remove(path)
        rows = zip(range(table.count), paths, table.kinds, table.sizes, strict=True)
        next(rows)  # the root
        for row, path, kind, size in rows:
            if kind == WHITEOUT:
                continue
            if path not in self._sizes:
                self._inside.setdefault(path.rpartition(b"/")[0], set()).add(path)
            self._sizes[path] = None if kind == DIRECTORY else 0 if row in table.inodes else size

    def weigh(self, path: bytes) -> int | None:
        """What a deletion mark of the next layer weighs; None if there is nothing that it could delete."""
        if path not in self._sizes:
            return None
        if self._sizes[path] is not None:
            return 0
        return sum(self._sizes[inner] or 0 for inner in self._below(path))

    def _below(self, path: bytes) -> Iterator[bytes]:
        pending = [path]
        while pending:
            path = pending.pop()
            yield path
            pending.extend(self._inside.get(path, ()))

    def _remove(self, path: bytes) -> None:
        if path not in self._sizes:
            return
        self._inside[path.rpartition(b"/")[0]].discard(path)
        for inner in list(self._below(path)):
            self._sizes.pop(inner)
            self._inside.pop(inner, None)

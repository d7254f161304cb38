"""What is heavy in a directory: its parts by their bytes, and the layer that most of each comes from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import nlargest
from itertools import accumulate

from worker.engine.files import View
from worker.engine.files.table import FILE

_INNER = 12


@dataclass(frozen=True, slots=True)
class Part:
    """An entry of a directory.

    Attributes:
        path: From the root, without a leading slash.
        size: Bytes: of a file its content, of a directory all in it, a file with several names in it once.
        files: Names of regular files: 1 for a file, 0 for a link.
        layer: Position of the layer that most of the bytes come from.
        inner: Of a directory the heaviest parts, the heaviest first.
    """

    path: bytes
    is_directory: bool
    size: int
    files: int
    layer: int
    inner: tuple[Part, ...] = ()

    @property
    def name(self) -> bytes:
        return self.path.rpartition(b"/")[2]


@dataclass(frozen=True, slots=True)
class Contents:
    """A directory, by weight.

    Attributes:
        path: Of the directory.
        size, files: Of all in it, as in :class:`Part`.
        parts: The heaviest, the heaviest first; none that weighs nothing.
        others: How many entries are not among them.
        others_size: Bytes that these hold.
    """

    path: bytes
    size: int
    files: int
    parts: tuple[Part, ...]
    others: int
    others_size: int


def contents(view: View, path: bytes, most: int) -> Contents | None:
    """Weigh what is in a directory; None if there is none at ``path``.

    Args:
        most: Parts at most.
    """
    scale = _Scale(view)
    at = scale.entries.find(path)
    if at is None or not scale.entries.is_directory(at):
        return None
    total = view.total(path)
    places = list(scale.inside(at))
    chosen = scale.heaviest(places, most)
    parts = tuple(scale.part(place, path, inner=True) for place in chosen)
    rest = max(0, sum(map(scale.weight, places)) - sum(map(scale.weight, chosen)))
    return Contents(path, total.bytes, total.files, parts, len(places) - len(chosen), rest)


class _Scale:
    """The columns of a view that weighing needs."""

    def __init__(self, view: View) -> None:
        self.entries = view.entries
        self._view = view
        self._spans = view.spans
        columns = view.columns()
        self._layers, self._sizes = columns.layers, columns.sizes
        self._sums = list(accumulate(self._sizes, initial=0))

    def inside(self, at: int) -> Iterator[int]:
        place, end = at + 1, at + self._spans[at]
        while place < end:
            yield place
            place += self._spans[place]

    def weight(self, at: int) -> int:
        """Bytes by which parts are compared: a file with two names counts twice."""
        return self._sums[at + self._spans[at]] - self._sums[at]

    def heaviest(self, places: Sequence[int], most: int) -> list[int]:
        weighty = [place for place in places if self.weight(place)]
        return nlargest(most, weighty, key=lambda place: (self.weight(place), -place))

    def part(self, at: int, above: bytes, *, inner: bool = False) -> Part:
        name = self.entries.name(at)
        path = above + b"/" + name if above else name
        if not self.entries.is_directory(at):
            table, row = self.entries.place(at)
            return Part(path, False, self._sizes[at], int(table.kinds[row] == FILE), self._layers[at])
        total = self._view.total(path)
        chosen = self.heaviest(list(self.inside(at)), _INNER) if inner else []
        parts = tuple(self.part(place, path) for place in chosen)
        return Part(path, True, total.bytes, total.files, self._main_layer(at), parts)

    def _main_layer(self, at: int) -> int:
        end = at + self._spans[at]
        by_layer: dict[int, int] = {}
        for layer, size in zip(self._layers[at:end], self._sizes[at:end], strict=True):
            if size:
                by_layer[layer] = by_layer.get(layer, 0) + size
        return max(by_layer, key=lambda layer: (by_layer[layer], -layer), default=self._layers[at])

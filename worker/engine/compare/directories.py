"""What grew and what shrank, by directory: a tree that can be gone down."""

from __future__ import annotations

from collections.abc import Iterable

from worker.engine.compare.values import Difference, DirectoryGrowth, Kind


class DirectoryTree:
    """The directories in which something differs in more than its time."""

    def __init__(self, differences: Iterable[Difference]) -> None:
        # By path: bytes grown, bytes shrunk, differences.
        sums: dict[bytes, list[int]] = {b"": [0, 0, 0]}
        for one in differences:
            if one.kind is Kind.TIME:
                continue
            parent = one.path.rpartition(b"/")[0]
            found = sums.get(parent)
            if found is None:
                found = sums[parent] = [0, 0, 0]
            found[one.growth < 0] += abs(one.growth)
            found[2] += 1
        self._children: dict[bytes, list[bytes]] = {}
        self._sums = sums
        # Ancestors that nothing differs in directly are there for those that are in them.
        for path in list(sums):
            while path:
                parent = path.rpartition(b"/")[0]
                known = parent in sums
                sums.setdefault(parent, [0, 0, 0])
                self._children.setdefault(parent, []).append(path)
                if known:
                    break
                path = parent
        for path in sorted(sums, key=lambda path: path.count(b"/"), reverse=True):
            if path:
                above = sums[path.rpartition(b"/")[0]]
                for at, value in enumerate(sums[path]):
                    above[at] += value

    def of(self, path: bytes) -> DirectoryGrowth:
        """What differs in a directory, however deep; nothing if it is not among them."""
        grown, shrunk, differences = self._sums.get(path, (0, 0, 0))
        return DirectoryGrowth(path, grown, shrunk, differences, path in self._children)

    def children(self, path: bytes = b"") -> list[DirectoryGrowth]:
        """The directories in a directory, those where most bytes came and went first."""
        found = [self.of(child) for child in self._children.get(path, ())]
        return sorted(found, key=lambda one: (-one.moved, -one.differences, one.path))

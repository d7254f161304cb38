"""What differs between two merged trees: every path once, told apart by how it differs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from worker.engine.compare.directories import DirectoryTree
from worker.engine.compare.values import NOTHING, Aspect, Count, Difference, Entry, Kind
from worker.engine.layers import EntryType

_TIME = Aspect.TIME


@dataclass(frozen=True)
class Comparison:
    """Two trees, compared.

    Attributes:
        differences: By path, each directory before what is in it.
        same: How many paths are the same in every respect.
        counts: By kind; all kinds are there.
        aspects: In how many entries each aspect differs, of those that changed in more than their time.
        before, after: Bytes of content of each side, a file with several names once.
    """

    differences: tuple[Difference, ...]
    same: int
    counts: Mapping[Kind, Count]
    aspects: Mapping[Aspect, int]
    before: int
    after: int
    _by_path: dict[bytes, Difference] = field(default_factory=dict, repr=False, compare=False)

    @property
    def identical(self) -> bool:
        """Whether nothing differs, not even a time."""
        return not self.differences

    @property
    def differing(self) -> int:
        """How many paths differ in more than their time."""
        return len(self.differences) - self.counts[Kind.TIME].entries

    @cached_property
    def directories(self) -> DirectoryTree:
        """What grew and shrank, by directory."""
        return DirectoryTree(self.differences)

    def get(self, path: bytes) -> Difference | None:
        """The difference at a path; None if there is none."""
        if not self._by_path:
            self._by_path.update((one.path, one) for one in self.differences)
        return self._by_path.get(path)


def compare_entries(a: Iterable[Entry], b: Iterable[Entry]) -> Comparison:
    """Compare two trees, given as all their entries, each path once, in any order."""
    before = {entry[0]: entry for entry in a}
    weight_before = sum(entry.weight for entry in before.values())
    weight_after = same = 0
    found: list[Difference] = []
    for entry in b:
        path = entry[0]
        size = entry.weight
        weight_after += size
        other = before.pop(path, None)
        if other is None:
            found.append(Difference(path, Kind.ADDED, NOTHING, None, entry, size))
        elif other[1:12] == entry[1:12]:
            same += 1
        else:
            aspects = differing_aspects(other, entry)
            if not aspects:
                same += 1
                continue
            kind = Kind.TIME if aspects == _TIME else Kind.CHANGED
            found.append(Difference(path, kind, aspects, other, entry, size - other.weight))
    found += (
        Difference(path, Kind.REMOVED, NOTHING, entry, None, -entry.weight) for path, entry in before.items()
    )
    return gathered(found, same, weight_before, weight_after)


def gathered(found: Iterable[Difference], same: int, before: int, after: int) -> Comparison:
    """Sort and count differences."""
    ordered = tuple(sorted(found, key=_place))
    return Comparison(ordered, same, _counts(ordered), _aspects(ordered), before, after)


def differing_aspects(before: Entry, after: Entry) -> Aspect:
    """In what two entries at one path differ; nothing if only the layer that they come from does."""
    return Aspect(sum(_differing(before, after)))


def _differing(before: Entry, after: Entry) -> Iterator[Aspect]:
    links = (before.type == EntryType.SYMLINK, after.type == EntryType.SYMLINK)
    if before.type != after.type:
        yield Aspect.TYPE
    else:
        if before.size != after.size or before.sha256 != after.sha256:
            yield Aspect.CONTENT
        if before.link != after.link or before.linked != after.linked:
            yield Aspect.LINK
        if before.device != after.device:
            yield Aspect.DEVICE
    # The mode of a symlink means nothing, and is whatever the builder wrote.
    if before.mode != after.mode and not any(links):
        yield Aspect.MODE
    if (before.uid, before.gid) != (after.uid, after.gid):
        yield Aspect.OWNER
    if before.xattrs != after.xattrs:
        yield Aspect.XATTRS
    if before.mtime_ns != after.mtime_ns:
        yield Aspect.TIME


def _place(difference: Difference) -> bytes:
    """Sorts a directory's contents right after it: no name holds a NUL, and nothing sorts before that."""
    return difference.path.replace(b"/", b"\0")


def _counts(differences: Iterable[Difference]) -> Mapping[Kind, Count]:
    entries: Counter[Kind] = Counter()
    files: Counter[Kind] = Counter()
    grown: Counter[Kind] = Counter()
    shrunk: Counter[Kind] = Counter()
    for one in differences:
        kind = one.kind
        entries[kind] += 1
        files[kind] += one.entry.type == EntryType.FILE
        if one.growth > 0:
            grown[kind] += one.growth
        else:
            shrunk[kind] -= one.growth
    return {kind: Count(entries[kind], files[kind], grown[kind], shrunk[kind]) for kind in Kind}


def _aspects(differences: Iterable[Difference]) -> Mapping[Aspect, int]:
    sets = Counter(one.aspects for one in differences if one.kind is Kind.CHANGED)
    return {one: sum(count for aspects, count in sets.items() if one in aspects) for one in Aspect}

"""What differs between two merged trees: every path once, told apart by how it differs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import compress
from operator import attrgetter, ne
from typing import Any

from worker.engine.compare.directories import DirectoryTree
from worker.engine.compare.sides import TIME_COLUMN, Comparable, Side, side_of, sides_of
from worker.engine.compare.values import NOTHING, Aspect, Count, Difference, Entry, Kind
from worker.engine.files import View
from worker.engine.layers import EntryType

_TYPE, _CONTENT, _LINK, _DEVICE, _MODE, _OWNER, _XATTRS, _TIME = map(int, Aspect)
_SETS = tuple(Aspect(number) for number in range(2 * _TIME))
TIME_ALONE = _SETS[_TIME]
_DIFFERENCE_BYTES, _PLACE_BYTES = 400, 40
_aspects_of = attrgetter("aspects")


@dataclass(frozen=True)
class Comparison:
    """Two trees, compared.

    Attributes:
        differences: By path, each directory before what is in it.
        same: How many paths are the same in every respect.
        counts: By kind; all kinds are there.
        aspects: In how many entries each aspect differs, of those that changed in more than their time.
        before, after: Bytes of content of each side, a file with several names once.
        cut: Whether there is more that differs, because not all of a container was looked at.
        makers: Make the entry at a place, of each side.
        held: Memory that these hold on to, in bytes.
    """

    differences: tuple[Difference, ...]
    same: int
    counts: Mapping[Kind, Count]
    aspects: Mapping[Aspect, int]
    before: int
    after: int
    makers: tuple[Callable[[int], Entry], Callable[[int], Entry]] = field(repr=False, compare=False)
    cut: bool = False
    held: int = 0

    @property
    def nbytes(self) -> int:
        """Memory that it takes, in bytes, estimated."""
        return _DIFFERENCE_BYTES * len(self.differences) + self.held

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

    def entries(self, difference: Difference) -> tuple[Entry | None, Entry | None]:
        """What each side has at the path of a difference; None for the side that has not got it."""
        before, after = self.makers
        return (
            before(difference.at_before) if difference.at_before >= 0 else None,
            after(difference.at_after) if difference.at_after >= 0 else None,
        )

    def get(self, path: bytes) -> Difference | None:
        """The difference at a path; None if there is none."""
        return self._by_path.get(path)

    @cached_property
    def _by_path(self) -> dict[bytes, Difference]:
        return {one.path: one for one in self.differences}


def compare(a: View, b: View) -> Comparison:
    """Tell what differs between two images' merged trees.

    Quickest if both come from one cache: then they share the tables of the layers that both have.
    """
    held = sum(view.nbytes + _PLACE_BYTES * len(view) for view in (a, b))
    held += sum(table.nbytes for table in {*a.tables, *b.tables})
    return replace(compare_sides(*sides_of(a, b)), held=held)


def compare_entries(a: Iterable[Entry], b: Iterable[Entry]) -> Comparison:
    """Tell what differs between two trees that are given as single entries."""
    return compare_sides(side_of(a), side_of(b))


def compare_sides(before: Side, after: Side) -> Comparison:
    """Tell what differs between two sides."""
    places = dict(zip(before.paths, range(len(before.paths)), strict=True))
    theirs = [places.pop(path, -1) for path in after.paths]
    added = [at for at, there in enumerate(theirs) if there < 0]
    both = [at for at, there in enumerate(theirs) if there >= 0]
    changed = list(_changed(before, after, [theirs[at] for at in both], both))
    found = [*_alone(after, added, Kind.ADDED), *changed, *_alone(before, places.values(), Kind.REMOVED)]
    return gathered(found, after.left_out + len(both) - len(changed), (before, after))


def gathered(found: list[Difference], same: int, sides: tuple[Side, Side]) -> Comparison:
    """Sort and count differences."""
    found.sort(key=_place)
    by_kind: dict[Kind, list[Difference]] = {kind: [] for kind in Kind}
    for one in found:
        by_kind[one.kind].append(one)
    return Comparison(
        tuple(found),
        same,
        {kind: _count(of_kind) for kind, of_kind in by_kind.items()},
        _aspects(by_kind[Kind.CHANGED]),
        sides[0].weight,
        sides[1].weight,
        # The columns are not kept: they take ten times as much as what differs.
        (sides[0].entry, sides[1].entry),
    )


def _alone(side: Side, places: Iterable[int], kind: Kind) -> Iterator[Difference]:
    """What only one side has."""
    paths, (types, sizes, *_), weights = side.paths, side.columns, side.weights
    if kind is Kind.ADDED:
        for at in places:
            yield Difference(paths[at], kind, NOTHING, types[at], sizes[at], weights[at], -1, at)
    else:
        for at in places:
            yield Difference(paths[at], kind, NOTHING, types[at], sizes[at], -weights[at], at, -1)


def _changed(before: Side, after: Side, theirs: list[int], ours: list[int]) -> Iterator[Difference]:
    """What both sides have, at these places, and not the same."""
    columns = [[column[at] for at in theirs] for column in before.columns]
    other_columns = [[column[at] for at in ours] for column in after.columns]
    # Whole rows at once, the time apart: what is the same but for that, as nearly all is, costs little.
    rest, other_rest = (_without_time(each) for each in (columns, other_columns))
    differ = list(map(ne, zip(*rest, strict=True), zip(*other_rest, strict=True)))
    if before.linked or after.linked:
        links = map(before.linked.get, theirs), map(after.linked.get, ours)
        differ = [one or other for one, other in zip(differ, map(ne, *links), strict=True)]
    touched = map(ne, columns[TIME_COLUMN], other_columns[TIME_COLUMN])
    paths, (types, sizes, *_) = after.paths, after.columns
    for nth, (other, time) in enumerate(zip(differ, touched, strict=True)):
        if time and not other:
            at = ours[nth]
            yield Difference(paths[at], Kind.TIME, TIME_ALONE, types[at], sizes[at], 0, theirs[nth], at)
    weights_before, weights_after = before.weights, after.weights
    for nth in compress(range(len(ours)), differ):
        there, at = theirs[nth], ours[nth]
        aspects = differing_aspects(
            tuple(column[nth] for column in columns),
            tuple(column[nth] for column in other_columns),
            linked=before.linked.get(there) != after.linked.get(at),
        )
        if aspects:
            kind = Kind.TIME if aspects is TIME_ALONE else Kind.CHANGED
            growth = weights_after[at] - weights_before[there]
            yield Difference(paths[at], kind, aspects, types[at], sizes[at], growth, there, at)


def _without_time(columns: list[list[Any]]) -> list[list[Any]]:
    return columns[:TIME_COLUMN] + columns[TIME_COLUMN + 1 :]


def differing_aspects(before: Comparable, after: Comparable, *, linked: bool = False) -> Aspect:
    """In what two entries at one path differ.

    Args:
        linked: Whether they have different other names.
    """
    # Once for each of tens of thousands: plain numbers, since flags take their time.
    found = 0
    was, size_was, mode_was, uid_was, gid_was, time_was, hash_was, extra_was = before
    kind, size, mode, uid, gid, time, sha256, extra = after
    if was != kind:
        found = _TYPE
    else:
        if hash_was != sha256 or size_was != size:
            found = _CONTENT
        if linked or extra_was[0] != extra[0]:
            found |= _LINK
        if extra_was[2] != extra[2]:
            found |= _DEVICE
    # The mode of a symlink means nothing, and is whatever the builder wrote.
    if mode_was != mode and EntryType.SYMLINK not in (was, kind):
        found |= _MODE
    if uid_was != uid or gid_was != gid:
        found |= _OWNER
    if extra_was[1] != extra[1]:
        found |= _XATTRS
    if time_was != time:
        found |= _TIME
    return _SETS[found]


def _place(difference: Difference) -> bytes:
    """Sorts a directory's contents right after it: no name holds a NUL, and nothing sorts before that."""
    return difference[0].replace(b"/", b"\0")


def _count(differences: Sequence[Difference]) -> Count:
    growths = [one.growth for one in differences]
    grown = sum([growth for growth in growths if growth > 0])
    files = sum([one.type == EntryType.FILE for one in differences])
    return Count(len(differences), files, grown, grown - sum(growths))


def _aspects(changed: Iterable[Difference]) -> Mapping[Aspect, int]:
    sets = Counter(map(_aspects_of, changed))
    return {one: sum(count for aspects, count in sets.items() if aspects & one) for one in Aspect}

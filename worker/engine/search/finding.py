"""The two ways to find: along the paths, or along the contents, each in an order that is stable.

Along the paths (their numbers never change), a content stands where the first of its paths stands that
matches. Along the contents, the largest come first. A cursor names the way and the place where the next page
begins.
"""

from __future__ import annotations

import heapq
import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby, islice

from worker.engine.errors import InvalidInput
from worker.engine.search.blocks import PATHS_IN_BLOCK
from worker.engine.search.matching import Matcher
from worker.engine.search.query import FileQuery
from worker.engine.search.reading import Content, Entry, Look, content_of
from worker.engine.search.scanning import scan
from worker.engine.search.types import FIRST_RARE, NUMBERS

FEW_CONTENTS = 20_000
"""Up to so many contents of the wanted sizes are looked through one by one, instead of all paths."""
_CURSOR = re.compile(r"([a-z])\.(-?[0-9]{1,19})\.([0-9]{1,19})")
_MOST = (1 << 63) - 1  # that the database can be asked for
_EARLIER = 5_000
_DENSE = 64


@dataclass(frozen=True, slots=True, order=True)
class At:
    """A place in the order: a path's number and, of the contents that stand there, a content's (0 for none);
    or the size of a content, negative, and its number."""

    major: int
    minor: int


@dataclass(frozen=True, slots=True)
class Hit:
    """A content, or a path without any, at the place where it stands in the order.

    Attributes:
        first: The number of the first path that matches.
    """

    at: At
    entry: Entry
    content: Content | None


class TimeOver(Exception):
    """The time is over; where to go on.

    Attributes:
        searched: What part was looked through, from 0 to 1; None if that cannot be said.
    """

    def __init__(self, at: At, searched: float | None) -> None:
        super().__init__("the time is over")
        self.at = at
        self.searched = searched


@dataclass(frozen=True, slots=True)
class Way:
    """How to find: the letter that stands for it in a cursor, and what yields the hits from a place on."""

    letter: str
    hits: Callable[[At | None], Iterator[Hit]]


def ways(look: Look, query: FileQuery, matcher: Matcher | None) -> dict[str, Way]:
    """The ways that lead to all that ``query`` means; cursors of one mean nothing on another."""
    finder = _Finder(look, query, matcher)
    if query.sha256 is not None:
        return {"c": Way("c", finder.by_sha256)}
    found = {"p": Way("p", finder.by_path)}
    if query.by_size:
        found["s"] = Way("s", finder.by_size)
    return found


def best(look: Look, query: FileQuery, ways_: dict[str, Way]) -> Way:
    """Choose the quickest: by size, if nothing else is said or few contents have the sizes."""
    if "s" in ways_ and (not query.text or _few(look, query)):
        return ways_["s"]
    return next(iter(ways_.values()))


def read_cursor(text: str, ways_: dict[str, Way]) -> tuple[Way, At]:
    """Raises InvalidInput: it is none, or of another question."""
    match = _CURSOR.fullmatch(text)
    if match and match[1] in ways_:
        at = At(int(match[2]), int(match[3]))
        if -_MOST <= at.major <= _MOST and at.minor <= _MOST:
            return ways_[match[1]], at
    raise InvalidInput("The cursor is not one of this search.", hint="Begin without it.")


def write_cursor(way: Way, at: At) -> str:
    return f"{way.letter}.{at.major}.{at.minor}"


class _Finder:
    def __init__(self, look: Look, query: FileQuery, matcher: Matcher | None) -> None:
        self._look = look
        self._query = query
        self._matcher = matcher
        self._types = query.types
        self._seen: set[int] = set()

    def by_path(self, since: At | None) -> Iterator[Hit]:
        """All hits along the paths."""
        start = since or At(0, 0)
        rare = all(NUMBERS[kind] >= FIRST_RARE for kind in self._types)
        # To hold many of them against an expression, one by one, takes longer than to go along all paths.
        rare = rare and (self._matcher is None or self._look.are_few(self._types))
        for path, entries in self._rare(start) if rare else self._along_paths(start):
            wanted = (entry for entry in entries if entry.type in self._types)
            for number, group in groupby(wanted, key=lambda entry: entry.content):
                entry, at = next(group), At(path, number or 0)
                if at < start or (number in self._seen and number is not None):
                    continue
                content = self._look.content(number) if number is not None else None
                if self._has_wanted_size(content) and not self._came_before(entry, since):
                    yield Hit(at, entry, content)

    def by_size(self, since: At | None) -> Iterator[Hit]:
        """All hits along the contents, the largest first."""
        query = self._query
        largest = 1 << 62 if query.max_size is None else query.max_size
        largest = min(largest, -since.major) if since else largest
        rows = self._look.db.execute(
            "SELECT id, key, rest, size, target FROM content WHERE target IS NULL AND size BETWEEN ? AND ?"
            " ORDER BY size DESC, id",
            (query.min_size or 0, largest),
        )
        for row in rows:
            content = content_of(row)
            at = At(-content.size, content.id)
            if since is None or at >= since:
                if self._look.late:
                    raise TimeOver(at, None)
                yield from self._of_content(content, at)

    def by_sha256(self, since: At | None) -> Iterator[Hit]:
        """The one content, if it is there."""
        sha256 = self._query.sha256 or b""
        rows = self._look.db.execute(
            "SELECT id, key, rest, size, target FROM content WHERE key = ? AND target IS NULL",
            (int.from_bytes(sha256[:8], "big", signed=True),),
        )
        for content in map(content_of, rows):
            at = At(0, content.id)
            wanted = content.sha256 == sha256 and self._has_wanted_size(content)
            if wanted and (since is None or at >= since):
                yield from self._of_content(content, at)

    def matches(self, entry: Entry) -> bool:
        """Whether an entry is of the wanted type, at a path that matches."""
        if entry.type not in self._types:
            return False
        return self._matcher is None or self._matcher.matches(
            self._look.paths.line(self._look.db, entry.path)
        )

    def _of_content(self, content: Content, at: At) -> Iterator[Hit]:
        for count, entry in enumerate(self._look.holding(content.id)):
            if self.matches(entry):
                yield Hit(at, entry, content)
                return
            if not count % 100 and self._look.late:
                raise TimeOver(at, None)

    def _along_paths(self, start: At) -> Iterator[tuple[int, list[Entry]]]:
        """Paths that match, with what may be seen there."""
        look = self._look
        blocks = look.layers.blocks(look.within)
        passed = bisect_left(blocks, start.major // PATHS_IN_BLOCK)
        for done, (block, text) in enumerate(scan(look.db, blocks[passed:], self._matcher), passed):
            first = block * PATHS_IN_BLOCK
            if look.late:
                raise TimeOver(max(start, At(first, 0)), done / len(blocks))
            numbers = [first + line for line in self._lines(text) if first + line >= start.major]
            yield from self._at_all(numbers)

    def _lines(self, text: bytes) -> Iterator[int]:
        return iter(range(text.count(b"\n"))) if self._matcher is None else self._matcher.lines(text)

    def _at_all(self, numbers: list[int]) -> Iterator[tuple[int, list[Entry]]]:
        if len(numbers) <= _DENSE:
            for number in numbers:
                yield number, self._look.at(number)
            return
        for begin in range(0, len(numbers), _DENSE):
            some = numbers[begin : begin + _DENSE]
            if self._look.late:
                raise TimeOver(At(some[0], 0), None)
            meant = set(some)
            entries = self._look.between(some[0], some[-1])
            for number, group in groupby(entries, key=lambda entry: entry.path):
                if number in meant:
                    yield number, list(group)

    def _rare(self, start: At) -> Iterator[tuple[int, list[Entry]]]:
        rows = [self._look.rare(kind, start.major) for kind in self._types]
        merged = heapq.merge(*rows, key=lambda entry: entry.path)
        for count, (number, group) in enumerate(groupby(merged, key=lambda entry: entry.path)):
            if not count % 100 and self._look.late:
                raise TimeOver(At(number, 0), None)
            entries = list(group)
            if self._matcher is None or self.matches(entries[0]):
                yield number, entries

    def _has_wanted_size(self, content: Content | None) -> bool:
        if not self._query.by_size:
            return True
        return content is not None and self._query.has_size(content.size)

    def _came_before(self, entry: Entry, since: At | None) -> bool:
        """Whether the content was met at an earlier path: on this page, or on one before it.

        Of a content at very many paths only some are looked at; it may then appear once more.
        """
        if entry.content is None:
            return False
        if entry.content in self._seen:
            return True
        self._seen.add(entry.content)
        if since is None:
            return False
        # At the path where this page begins, those with lower numbers were on the page before.
        earlier = self._look.holding(entry.content, 0, since.major + (entry.content < since.minor))
        return any(self.matches(one) for one in islice(earlier, _EARLIER))


def _few(look: Look, query: FileQuery) -> bool:
    (count,) = look.db.execute(
        "SELECT count(*) FROM (SELECT 1 FROM content WHERE target IS NULL AND size BETWEEN ? AND ? LIMIT ?)",
        (query.min_size or 0, 1 << 62 if query.max_size is None else query.max_size, FEW_CONTENTS + 1),
    ).fetchone()
    return bool(count <= FEW_CONTENTS)

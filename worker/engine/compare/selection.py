"""Choosing among differences: by kind, aspect, name and directory, in an order."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from worker.engine.compare.values import NOTHING, Aspect, Difference, Kind

_WILD = re.compile(rb"[*?\[]")

SORTS: dict[str, Callable[[Difference], Any]] = {
    "change": lambda one: abs(one.growth),
    "growth": lambda one: one.growth,
    "size": lambda one: one.size,
}
"""What differences are sorted by, beside their paths."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which differences are wanted.

    Attributes:
        kinds: Of these kinds; those that differ in their time alone only if asked for.
        aspects: Of those that changed, what differs in any of these; nothing means all.
        pattern: With ``*``, ``?`` or ``[`` a glob, of the whole path if it holds a slash, else of the name;
            without, a part of the path, in any case.
        under: In this directory, or the directory itself; the root for all.
        sort: A name of :data:`SORTS` or ``path``; with ``-`` in front the largest first.
    """

    kinds: frozenset[Kind] = frozenset({Kind.ADDED, Kind.REMOVED, Kind.CHANGED})
    aspects: Aspect = NOTHING
    pattern: bytes = b""
    under: bytes = b""
    sort: str = "path"

    def apply(self, differences: Iterable[Difference]) -> list[Difference]:
        """Return those that are wanted, sorted; ``differences`` must be in the order of their paths."""
        found = [one for one in differences if one.kind in self.kinds]
        if self.aspects:
            found = [one for one in found if one.aspects & self.aspects]
        if self.under:
            inside = self.under + b"/"
            found = [one for one in found if one.path.startswith(inside) or one.path == self.under]
        if self.pattern:
            matches = _matcher(self.pattern)
            found = [one for one in found if matches(one.path)]
        name = self.sort.removeprefix("-")
        if name in SORTS:
            # Equal ones stay in the order of their paths, whichever way it goes.
            found.sort(key=SORTS[name], reverse=self.sort.startswith("-"))
        elif self.sort == "-path":
            found.reverse()
        return found


def _matcher(pattern: bytes) -> Callable[[bytes], bool]:
    if not _WILD.search(pattern):
        wanted = pattern.lower()
        return lambda path: wanted in (b"/" + path).lower()
    # The translation backtracks nowhere, so no pattern makes it slow.
    compiled = re.compile(fnmatch.translate(pattern.decode("latin-1").lstrip("/")).encode("latin-1"))
    if b"/" in pattern:
        return lambda path: compiled.match(path) is not None
    return lambda path: compiled.match(path.rpartition(b"/")[2]) is not None

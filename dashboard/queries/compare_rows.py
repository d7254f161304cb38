"""The differences between two trees as a page lists them: chosen, sorted, in words."""

from __future__ import annotations

import stat
from collections.abc import Iterable
from dataclasses import dataclass

from django.core.paginator import Page, Paginator
from django.http import QueryDict

from dashboard.figures import size
from dashboard.queries.files_wish import read_path
from dashboard.templatetags.files import exact_time
from worker.engine.compare import (
    SORTS,
    Aspect,
    Comparison,
    Difference,
    DirectoryGrowth,
    Entry,
    Kind,
    Selection,
)
from worker.engine.errors import InvalidInput
from worker.engine.files import from_text, to_text
from worker.engine.layers import EntryType

PER_PAGE = 100
#: So many directories are drawn at once.
DRAWN = 12
MAX_PATTERN = 300

SORT_NAMES = (
    ("path", "By path"),
    ("-change", "Largest change first"),
    ("-growth", "What grew most first"),
    ("growth", "What shrank most first"),
    ("-size", "Largest first"),
)
ASPECT_NAMES = {
    Aspect.TYPE: "type",
    Aspect.CONTENT: "content",
    Aspect.LINK: "link",
    Aspect.DEVICE: "device",
    Aspect.MODE: "mode",
    Aspect.OWNER: "owner",
    Aspect.XATTRS: "attributes",
    Aspect.TIME: "time",
}
KIND_NAMES = {
    Kind.ADDED: "added",
    Kind.REMOVED: "removed",
    Kind.CHANGED: "changed",
    Kind.TIME: "only the time",
}
_ICONS: dict[str, str] = {EntryType.DIRECTORY: "folder", EntryType.SYMLINK: "file-symlink"}
TONES = {Kind.ADDED: "good", Kind.REMOVED: "bad", Kind.CHANGED: "warn", Kind.TIME: ""}


@dataclass(frozen=True, slots=True)
class Wish:
    """What the query string asks for. Unknown kinds, aspects and orders are as if not there.

    Attributes:
        text: the pattern as it was typed; ``problem`` says why it cannot be meant.
        under: the directory, in its text form, without slashes around it.
    """

    selection: Selection
    text: str = ""
    under: str = ""
    kind: str = ""
    aspect: str = ""
    problem: InvalidInput | None = None

    @classmethod
    def read(cls, query: QueryDict) -> Wish:
        kind, aspect = query.get("kind", ""), query.get("aspect", "")
        kind = kind if kind in set(Kind) else ""
        aspects = next((one for one in Aspect if one.names[0] == aspect), Aspect(0))
        sort = query.get("sort", "")
        text = query.get("q", "").strip()[:MAX_PATTERN]
        problem, pattern, under = None, b"", b""
        try:
            under = read_path(query.get("dir", "")[:8192])
            pattern = from_text(text)
        except InvalidInput as error:
            problem = error
        selection = Selection(
            kinds=frozenset({Kind(kind)}) if kind else Selection().kinds,
            aspects=aspects,
            pattern=pattern,
            under=under,
            sort=sort if sort.removeprefix("-") in {*SORTS, "path"} else "path",
        )
        names = aspects.names
        return cls(selection, text, to_text(under), kind, names[0] if names else "", problem)

    @property
    def sort(self) -> str:
        return self.selection.sort

    @property
    def narrows(self) -> bool:
        return bool(self.text or self.under or self.kind or self.aspect)


@dataclass(frozen=True, slots=True)
class Detail:
    """In what an entry differs, in words; empty on a side that has nothing to say."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Row:
    """One difference.

    Attributes:
        parent, name: the path in two parts, the parent with a slash at its end.
        can_be_read: whether its content can be looked at side by side: it is a file on some side.
    """

    difference: Difference
    before: Entry | None
    after: Entry | None
    details: tuple[Detail, ...]

    @property
    def path(self) -> str:
        return to_text(self.difference.path)

    @property
    def parent(self) -> bytes:
        above = self.difference.path.rpartition(b"/")[0]
        return above + b"/" if above else b""

    @property
    def name(self) -> bytes:
        return self.difference.path.rpartition(b"/")[2]

    @property
    def kind(self) -> str:
        return KIND_NAMES[self.difference.kind]

    @property
    def tone(self) -> str:
        return TONES[self.difference.kind]

    @property
    def type(self) -> str:
        return self.difference.type

    @property
    def icon(self) -> str:
        return _ICONS.get(self.difference.type, "file")

    @property
    def growth(self) -> str:
        return signed(self.difference.growth)

    @property
    def can_be_read(self) -> bool:
        return any(entry is not None and entry.type == EntryType.FILE for entry in (self.before, self.after))


def page_of(comparison: Comparison, wish: Wish, number: str | None) -> Page[Difference]:
    """Return one page of the differences that are wanted; none if the wish has a problem."""
    found = [] if wish.problem else wish.selection.apply(comparison.differences)
    return Paginator(found, PER_PAGE).get_page(number)


def rows_of(comparison: Comparison, differences: Iterable[Difference]) -> list[Row]:
    """Return the lines of a page."""
    rows = []
    for one in differences:
        before, after = comparison.entries(one)
        rows.append(Row(one, before, after, tuple(details(one, before, after))))
    return rows


def details(one: Difference, before: Entry | None, after: Entry | None) -> list[Detail]:
    """Say what differs, each aspect apart; of what is on one side only, what it is."""
    if before is None or after is None:
        entry = after or before
        assert entry is not None  # noqa: S101 (one of them is there)
        return [Detail("leads to", "", to_text(entry.link))] if entry.link else []
    both = (before, after)
    found = []
    for aspect in Aspect:
        if aspect in one.aspects and (aspect is not Aspect.TIME or one.kind is Kind.TIME):
            was, now = (_said(aspect, entry) for entry in both)
            if was == now and aspect is Aspect.CONTENT:
                was, now = "", "other bytes, as many"
            found.append(Detail(ASPECT_NAMES[aspect], was, now))
    return found


def _said(aspect: Aspect, entry: Entry) -> str:
    if aspect is Aspect.TYPE:
        return str(entry.type)
    if aspect is Aspect.CONTENT:
        return size(entry.size)
    if aspect is Aspect.LINK:
        return to_text(entry.link) if entry.type == EntryType.SYMLINK else _other_names(entry)
    if aspect is Aspect.DEVICE:
        return ":".join(map(str, entry.device or ()))
    if aspect is Aspect.MODE:
        return f"{entry.mode:04o} {stat.filemode(entry.mode)[1:]}"
    if aspect is Aspect.OWNER:
        return f"{entry.uid}:{entry.gid}"
    if aspect is Aspect.XATTRS:
        return ", ".join(sorted(to_text(name) for name in entry.xattrs)) or "none"
    return exact_time(entry.mtime_ns)


def _other_names(entry: Entry) -> str:
    if not entry.linked:
        return "one name"
    if entry.linked == entry.path:
        return "first of several names"
    return f"a hard link of /{to_text(entry.linked)}"


@dataclass(frozen=True, slots=True)
class DirectoryBar:
    """A directory with what grew and shrank in it, drawn.

    Attributes:
        name: the last part of its path.
        grown, shrunk: lengths of 100, on one scale for all that are drawn.
    """

    growth: DirectoryGrowth
    grown: float
    shrunk: float

    @property
    def path(self) -> str:
        return to_text(self.growth.path)

    @property
    def name(self) -> bytes:
        return self.growth.path.rpartition(b"/")[2]

    @property
    def shrunk_from(self) -> float:
        return 100 - self.shrunk

    @property
    def net(self) -> str:
        return signed(self.growth.growth)


def directory_bars(comparison: Comparison, under: bytes, *, every: bool) -> tuple[list[DirectoryBar], int]:
    """Return the directories below one, the ones that changed most first, and how many are left out."""
    found = comparison.directories.children(under)
    shown = found if every else found[:DRAWN]
    largest = max((max(one.grown, one.shrunk) for one in shown), default=0)
    drawn = [DirectoryBar(one, _length(one.grown, largest), _length(one.shrunk, largest)) for one in shown]
    return drawn, len(found) - len(shown)


def signed(count: int) -> str:
    """Write bytes with a sign: ``+3.20 MiB``; ``0 B`` has none."""
    sign = "+" if count > 0 else "\N{MINUS SIGN}" if count < 0 else ""
    return f"{sign}{size(abs(count))}"


def _length(count: int, largest: int) -> float:
    return round(max(1.0, 100 * count / largest), 2) if count else 0.0

"""What the address of the Files tab asks for: a layer, a directory, what is open in it, an order, a filter.

Everything that one sees of the tab follows from this, so that any view can be bookmarked and shared.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import quote

from django.http import QueryDict

from dashboard.queries.numbers import whole_number
from worker.engine.errors import InvalidInput
from worker.engine.files import from_text, to_text
from worker.engine.weight.sizes import parse_size

SORTS = ("name", "-size", "size", "-time", "time")
CHANGES = (
    ("", "Any state"),
    ("any", "Touched by this layer"),
    ("added", "Added by this layer"),
    ("changed", "Changed by this layer"),
    ("removed", "Removed by this layer"),
)
TYPES = (
    ("", "Every type"),
    ("file", "Files"),
    ("directory", "Directories"),
    ("symlink", "Symbolic links"),
    ("hardlink", "Hard links"),
    ("device", "Devices"),
    ("fifo", "Named pipes"),
)
BITS = (
    ("", "Any permission"),
    ("special", "Setuid or setgid"),
    ("setuid", "Setuid"),
    ("setgid", "Setgid"),
    ("sticky", "Sticky"),
    ("writable", "Writable by all"),
)
MOST_OPEN = 200
_LONGEST = 300


@dataclass(frozen=True, slots=True)
class FileFilter:
    """Which entries are wanted, as it was written; all that is given must hold.

    Attributes:
        text: a part of the name in any case, or a glob for the whole of it if it holds ``*``, ``?`` or ``[``;
            of the path if it holds a slash.
        change: what the chosen layer did: a value of ``CHANGES``.
        type, bits: a value of ``TYPES``, of ``BITS``.
        least, most: bounds of the size, in words.
    """

    text: str = ""
    change: str = ""
    type: str = ""
    bits: str = ""
    least: str = ""
    most: str = ""

    @classmethod
    def read(cls, query: QueryDict) -> FileFilter:
        return cls(
            text=query.get("q", "").strip()[:_LONGEST],
            change=_one_of(query.get("change", ""), CHANGES),
            type=_one_of(query.get("type", ""), TYPES),
            bits=_one_of(query.get("bits", ""), BITS),
            least=query.get("least", "").strip()[:_LONGEST],
            most=query.get("most", "").strip()[:_LONGEST],
        )

    @property
    def narrows(self) -> bool:
        return self != FileFilter()

    def pairs(self) -> list[tuple[str, str]]:
        fields = (self.text, self.change, self.type, self.bits, self.least, self.most)
        names = ("q", "change", "type", "bits", "least", "most")
        return [(name, value) for name, value in zip(names, fields, strict=True) if value]


@dataclass(frozen=True, slots=True)
class Wish:
    """One view of the tab.

    Attributes:
        path: the directory that is shown; the root is empty.
        layer: position of the layer up to which files are shown; None: the topmost.
        opened: directories that are open; one inside another opens the other, too.
        sort: one of ``SORTS``.
        start: so many entries of the directory (or matches of the filter) are left out at the beginning.
    """

    path: bytes = b""
    layer: int | None = None
    opened: tuple[bytes, ...] = ()
    sort: str = "name"
    start: int = 0
    filter: FileFilter = field(default_factory=FileFilter)

    @classmethod
    def read(cls, query: QueryDict) -> Wish:
        """Read a query string.

        Raises:
            InvalidInput: a path has a wrong escape, or the layer or the start is no number.
        """
        opened = [read_path(text) for text in query.getlist("open")[:MOST_OPEN]]
        sort = query.get("sort", "")
        layer = query.get("layer", "")
        return cls(
            path=read_path(query.get("path", "")),
            layer=_number(layer, "layer") if layer else None,
            opened=tuple(dict.fromkeys(path for path in opened if path)),
            sort=sort if sort in SORTS else SORTS[0],
            start=_number(query.get("start") or "0", "start"),
            filter=FileFilter.read(query),
        )

    @property
    def shown_path(self) -> str:
        return "/" + to_text(self.path)

    @property
    def shown_open(self) -> list[str]:
        return ["/" + to_text(path) for path in self.opened]

    def address(self) -> str:
        """Return the query string that :meth:`read` reads this from; it begins with ``?``."""
        pairs = self.filter.pairs()
        if self.layer is not None:
            pairs.insert(0, ("layer", str(self.layer)))
        if self.path:
            pairs.append(("path", self.shown_path))
        if self.sort != SORTS[0]:
            pairs.append(("sort", self.sort))
        if self.start:
            pairs.append(("start", str(self.start)))
        pairs += [("open", path) for path in self.shown_open]
        return "?" + "&".join(f"{name}={in_address(value)}" for name, value in pairs)

    @property
    def ancestors_opened(self) -> frozenset[bytes]:
        """Whatever is open, named or implied."""
        found = set()
        for path in self.opened:
            while path:
                found.add(path)
                path = path.rpartition(b"/")[0]
        return frozenset(found)


def read_path(text: str) -> bytes:
    """Return the path that an address names, with or without slashes at its ends. Raises InvalidInput."""
    return from_text(text).strip(b"/")


def in_address(value: str) -> str:
    """Escape a value for a query string; slashes stay, since they make paths readable."""
    return quote(value, safe="/")


def read_size(text: str) -> int | None:
    """Return the bytes that ``10``, ``10K``, ``1.5 MiB`` or ``2 GB`` mean; None for nothing.

    The units are those of rules and of the search: ``M`` and ``MB`` are powers of 1000, ``MiB`` of 1024.

    Raises:
        InvalidInput: it is no size.
    """
    if not text:
        return None
    try:
        return parse_size(text)
    except InvalidInput as error:
        hint = "Write bytes, or a unit: 10K, 1.5 MiB, 2 GB."
        raise InvalidInput(f"“{text}” is no size.", hint=hint) from error


def _one_of(value: str, choices: tuple[tuple[str, str], ...]) -> str:
    return value if any(value == known for known, _ in choices) else ""


def _number(text: str, what: str) -> int:
    number = whole_number(text)
    if number is None:
        raise InvalidInput(f"The {what} must be a number: 0 or more.", hint="Choose one on the page.")
    return number

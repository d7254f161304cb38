"""Which entries of a merged tree a filter wants, in which order: by their places in it, a few bytes each."""

from __future__ import annotations

import fnmatch
import re
import stat
import threading
from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from dashboard.queries.files_wish import FileFilter, read_size
from worker.engine.errors import InvalidInput
from worker.engine.files import Columns, Node, View, from_text
from worker.engine.layers import EntryType

_WILD = re.compile(rb"[*?\[]")
_BITS = {
    "setuid": stat.S_ISUID,
    "setgid": stat.S_ISGID,
    "special": stat.S_ISUID | stat.S_ISGID,
    "sticky": stat.S_ISVTX,
    "writable": stat.S_IWOTH,
}
_TYPES = {
    "file": {EntryType.FILE},
    "directory": {EntryType.DIRECTORY},
    "symlink": {EntryType.SYMLINK},
    "hardlink": {EntryType.FILE},
    "device": {EntryType.CHAR, EntryType.BLOCK},
    "fifo": {EntryType.FIFO},
}
_KEPT = 12  # answers of one view


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """What a filter found.

    Attributes:
        places: of each match its place in the tree; of what the layer removed, the place among that,
            negative: -1 is the first.
        bytes: content of the files among them.
        searched: entries that were looked at.
    """

    view: View
    places: Sequence[int]
    bytes: int
    searched: int

    def __len__(self) -> int:
        return len(self.places)

    def nodes(self, start: int, count: int) -> list[Node]:
        return [node_at(self.view, place) for place in self.places[start : start + count]]


def node_at(view: View, place: int) -> Node:
    """Return the entry at a place as :class:`Matches` counts them."""
    return view.node(place) if place >= 0 else view.gone_node(-1 - place)


class Remembered:
    """Answers about views, kept as long as their view is; the ones used lately."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_view: WeakKeyDictionary[View, OrderedDict[object, Any]] = WeakKeyDictionary()

    def get(self, view: View, key: object, make: Callable[[], Any]) -> Any:
        with self._lock:
            known = self._by_view.setdefault(view, OrderedDict())
            if key in known:
                known.move_to_end(key)
                return known[key]
        made = make()
        with self._lock:
            known[key] = made
            while len(known) > _KEPT:
                known.popitem(last=False)
        return made


_remembered = Remembered()


def matches(view: View, under: bytes, wanted: FileFilter, sort: str) -> Matches:
    """Return what is in the directory ``under``, at any depth, and as ``wanted`` says.

    Raises:
        InvalidInput: a size is none.
    """
    found: Matches = _remembered.get(view, (under, wanted, sort), lambda: _search(view, under, wanted, sort))
    return found


def touched_directories(view: View) -> frozenset[bytes]:
    """Return the directories in which, at any depth, the topmost layer did something; of a base, none."""
    if view.top == 0:
        return frozenset()

    def look() -> frozenset[bytes]:
        paths = view.columns().paths
        touched = [paths[at] for at in _of_layer(view)]
        touched += [view.gone_node(at).path for at in range(view.gone)]
        found: set[bytes] = set()
        for path in touched:
            while (path := path.rpartition(b"/")[0]) and path not in found:
                found.add(path)
        return frozenset(found)

    answer: frozenset[bytes] = _remembered.get(view, "touched", look)
    return answer


def _search(view: View, under: bytes, wanted: FileFilter, sort: str) -> Matches:
    columns = view.columns()
    first, end = _range(columns, under)
    places = _there(view, columns, range(first, end), wanted)
    gone: list[tuple[int, Node]] = []
    if wanted.change in ("any", "removed"):
        fits = _fits(wanted)
        nodes = ((-1 - at, view.gone_node(at)) for at in range(view.gone))
        inside = under + b"/" if under else b""
        gone = [(place, node) for place, node in nodes if node.path.startswith(inside) and fits(node)]
    sizes = columns.sizes if places else []
    total = sum(sizes[place] for place in places) + sum(node.size for _, node in gone)
    ordered = _ordered(view, columns, places, gone, sort)
    return Matches(view, array("q", ordered), total, end - first)


def _range(columns: Columns, under: bytes) -> tuple[int, int]:
    """The places of what is in a directory."""
    if not under:
        return 1, len(columns)
    inside = _key(under) + b"\0"
    first = bisect_left(columns.paths, inside, key=_key)
    return first, bisect_left(columns.paths, inside[:-1] + b"\1", lo=first, key=_key)


def _key(path: bytes) -> bytes:
    return path.replace(b"/", b"\0")


def _of_layer(view: View) -> list[int]:
    """The places of what comes from the topmost layer."""
    top = view.top
    return [at for at, layer in enumerate(view.columns().layers) if layer == top and at]


def _there(view: View, columns: Columns, inside: range, wanted: FileFilter) -> list[int]:
    """Those that fit among what is there; each column is made only if it is asked."""
    places: Iterable[int] = inside
    if wanted.change == "removed":
        return []
    if wanted.change:
        places = [at for at in _of_layer(view) if at in inside]
    if wanted.type:
        types, kinds = columns.types, _TYPES[wanted.type]
        places = [at for at in places if types[at] in kinds]
    if wanted.type == "hardlink":
        inodes = columns.inodes
        places = [at for at in places if inodes[at] is not None]
    least, most = read_size(wanted.least), read_size(wanted.most)
    if least is not None or most is not None:
        sizes, types = columns.sizes, columns.types
        low, high = least or 0, most if most is not None else 2**63
        places = [at for at in places if low <= sizes[at] <= high and types[at] is EntryType.FILE]
    if wanted.bits:
        modes, bits, types = columns.modes, _BITS[wanted.bits], columns.types
        # A symlink's permissions say nothing.
        places = [at for at in places if modes[at] & bits and types[at] is not EntryType.SYMLINK]
    if wanted.text:
        fits, whole = _text(wanted.text)
        texts = columns.paths if whole else columns.names
        places = [at for at in places if fits(texts[at])]
    if wanted.change:
        places = [at for at in places if _change_fits(view, at, wanted.change)]
    return list(places)


def _change_fits(view: View, at: int, change: str) -> bool:
    if view.top == 0:
        return change in ("any", "added")
    done = view.node(at).change
    return bool(done) if change == "any" else done == change


def _fits(wanted: FileFilter) -> Callable[[Node], bool]:
    """The same for nodes, one by one; what a layer removed is seldom much."""
    least, most = read_size(wanted.least), read_size(wanted.most)
    text = _text(wanted.text) if wanted.text else None

    def fits(node: Node) -> bool:
        if wanted.type and node.type not in _TYPES[wanted.type]:
            return False
        if wanted.type == "hardlink" and node.hardlink_to is None:
            return False
        if (least is not None or most is not None) and not (
            node.is_file and (least or 0) <= node.size and (most is None or node.size <= most)
        ):
            return False
        if wanted.bits and (node.type is EntryType.SYMLINK or not node.mode & _BITS[wanted.bits]):
            return False
        return text is None or text[0](node.path if text[1] else node.name)

    return fits


def _text(text: str) -> tuple[Callable[[bytes], bool], bool]:
    """What fits a text, and whether it is asked about whole paths: only if the text has a slash."""
    try:
        meant = from_text(text)
    except InvalidInput:
        meant = text.encode("utf-8", "replace")  # a backslash that begins no escape is one
    whole = b"/" in meant
    if not _WILD.search(meant):
        wanted = meant.lower()
        if whole:
            return lambda path: wanted in b"/" + path.lower(), whole
        return lambda name: wanted in name.lower(), whole
    # The translation backtracks nowhere, so no pattern makes it slow.
    pattern = fnmatch.translate(meant.decode("latin-1").lstrip("/")).encode("latin-1")
    compiled = re.compile(pattern, re.IGNORECASE)
    return lambda value: compiled.match(value) is not None, whole


def _ordered(
    view: View, columns: Columns, places: list[int], gone: list[tuple[int, Node]], sort: str
) -> list[int]:
    """Places in the order asked for; equal ones in the order of the tree."""
    nodes = dict(gone)
    field = sort.lstrip("-")

    def path(place: int) -> bytes:
        return nodes[place].path if place < 0 else columns.paths[place]

    every = [*places, *nodes]
    if nodes:
        every.sort(key=lambda place: _key(path(place)))
    if field == "size":
        sizes, types = columns.sizes, columns.types

        def size(place: int) -> int:
            if place < 0:
                return nodes[place].size
            return view.total_at(place).bytes if types[place] is EntryType.DIRECTORY else sizes[place]

        every.sort(key=size, reverse=sort.startswith("-"))
    elif field == "time":
        times = columns.times
        every.sort(
            key=lambda place: nodes[place].mtime_ns if place < 0 else times[place],
            reverse=sort.startswith("-"),
        )
    return every

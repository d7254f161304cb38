"""What the Files tab lists: a directory with what is open in it, or what a filter found."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import overload

from dashboard.figures import counted, size
from dashboard.queries.files_matches import Remembered, matches
from dashboard.queries.files_open import Opened
from dashboard.queries.files_rows import PAGE, More, Row, RowMaker, said_rest
from dashboard.queries.files_wish import FileFilter, Wish
from worker.engine.errors import InvalidInput
from worker.engine.files import Change, ImageFiles, Node, Total, View, to_text

MOST_ROWS = 3000
"""So many lines a page has at most; directories that would need more stay closed."""


@dataclass(frozen=True, slots=True)
class Way:
    """A link: of the path above the list, or out of an empty one."""

    text: str
    address: str


@dataclass(frozen=True, slots=True)
class Head:
    """A column's head; ``state`` is how it is sorted now, ``address`` empty for one that does not sort."""

    text: str
    css: str
    state: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Absent:
    """A directory that is not there as of the chosen layer."""

    title: str
    said: str
    ways: tuple[Way, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """What is shown.

    Attributes:
        sum: how much it is, in words.
        is_flat: whether entries come from anywhere below, not in a tree.
        problem: what is wrong with the filter; None for nothing.
        unfiltered: address of the same without the filter.
    """

    crumbs: tuple[Way, ...]
    heads: tuple[Head, ...]
    rows: Sequence[Row | More] = ()
    sum: str = ""
    is_flat: bool = False
    problem: InvalidInput | None = None
    absent: Absent | None = None
    nothing: str = ""
    unfiltered: str = ""


def listing(opened: Opened) -> Listing:
    """Return what is shown of a directory: its tree, or with a filter what fits in it."""
    wish, view = opened.wish, opened.view
    base = Listing(
        crumbs=_crumbs(wish),
        heads=_heads(wish),
        unfiltered=replace(wish, filter=FileFilter(), start=0).address(),
    )
    if opened.directory is None:
        return replace(base, absent=_absent(opened.files, view, wish))
    if not wish.filter.narrows:
        return replace(base, rows=_tree(opened), sum=_sum(view.total(wish.path)))
    try:
        found = matches(view, wish.path, wish.filter, wish.sort)
    except InvalidInput as error:
        return replace(base, problem=error)
    where = f"below /{to_text(wish.path)}" if wish.path else "in the image"
    searched = f"{found.searched:,} entr{'y' if found.searched == 1 else 'ies'} {where}"
    return replace(
        base,
        rows=found_rows(opened.maker),
        sum=f"{len(found):,} of {searched}" + (f" · {size(found.bytes)}" if found.bytes else ""),
        is_flat=True,
        nothing=f"There are {searched} as of this layer.",
    )


def entries_of(maker: RowMaker, directory: bytes, start: int) -> list[Row | More]:
    """Return lines for what is in one directory, from ``start`` on, with what is open in it."""
    lines: list[Row | More] = []
    _add(lines, maker, directory, start)
    return lines


def found_rows(maker: RowMaker, *, before: bool = True) -> list[Row | More]:
    """Return lines for one page of what a filter finds, after one that leads to those before it.

    Raises:
        InvalidInput: a size is none.
    """
    wish = maker.wish
    found = matches(maker.view, wish.path, wish.filter, wish.sort)
    start = _within(wish.start, len(found))
    lines: list[Row | More] = _before(wish, start) if before else []
    lines += maker.in_list(found.nodes(start, PAGE), start, len(found))
    if len(found) > start + PAGE:
        following = replace(wish, start=start + PAGE).address()
        lines.append(More(1, said_rest(len(found) - start - PAGE), following, following + "&rows=1"))
    return lines


def _tree(opened: Opened) -> list[Row | More]:
    wish = opened.wish
    children = sorted_children(opened.view, wish.path, wish.sort)
    start = _within(wish.start, len(children))
    if opened.sought and not start:
        start = _page_of(opened.view, wish, opened.sought)
    lines = _before(wish, start)
    _add(lines, opened.maker, wish.path, start)
    return lines


def _within(start: int, count: int) -> int:
    """Return where the page begins: of one beyond the end, the last."""
    return min(start, max(0, count - 1) // PAGE * PAGE)


def _before(wish: Wish, start: int) -> list[Row | More]:
    if not start:
        return []
    address = replace(wish, start=max(0, start - PAGE)).address()
    return [More(1, f"Show the {min(start, PAGE)} before", address, "")]


def _add(lines: list[Row | More], maker: RowMaker, directory: bytes, start: int) -> None:
    children = sorted_children(maker.view, directory, maker.wish.sort)
    for row in maker.in_tree(children[start : start + PAGE], directory, start, len(children)):
        lines.append(row)
        if row.is_open and len(lines) < MOST_ROWS:
            _add(lines, maker, row.node.path, 0)
    rest = maker.rest(directory, start, len(children))
    if rest:
        lines.append(rest)


_remembered = Remembered()


class _Ordered(Sequence[Node]):
    """What is in a directory, in an order of its own: positions alone are kept, nodes made when asked for."""

    def __init__(self, children: Sequence[Node], order: Sequence[int]) -> None:
        self._children = children
        self._order = order

    def __len__(self) -> int:
        return len(self._order)

    @overload
    def __getitem__(self, index: int) -> Node: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Node]: ...
    def __getitem__(self, index: int | slice) -> Node | Sequence[Node]:
        if isinstance(index, slice):
            return [self._children[at] for at in self._order[index]]
        return self._children[self._order[index]]


def sorted_children(view: View, directory: bytes, sort: str) -> Sequence[Node]:
    """Return what is in a directory, with what the layer removed from it, in the order asked for."""
    children = view.children(directory, removed=True)
    if sort == "name":
        return children

    def weight(at: int) -> int:
        node = children[at]
        if "time" in sort:
            return node.mtime_ns
        return view.total(node.path).bytes if node.is_directory else node.size

    def order() -> array[int]:
        return array("I", sorted(range(len(children)), key=weight, reverse=sort.startswith("-")))

    found: array[int] = _remembered.get(view, (directory, sort), order)
    return _Ordered(children, found)


def _page_of(view: View, wish: Wish, sought: bytes) -> int:
    children = sorted_children(view, wish.path, wish.sort)
    at = next((at for at, node in enumerate(children) if node.path == sought), 0)
    return at // PAGE * PAGE


def _sum(total: Total) -> str:
    parts = [counted(total.files, "file")]
    if total.directories:
        parts.append(f"{total.directories:,} director{'y' if total.directories == 1 else 'ies'}")
    if total.others:
        parts.append(f"{total.others:,} other{'s' if total.others != 1 else ''}")
    return f"{', '.join(parts)} · {size(total.bytes)}"


def _crumbs(wish: Wish) -> tuple[Way, ...]:
    plain = replace(wish, opened=(), start=0)
    ways = [Way("/", replace(plain, path=b"").address())]
    parts = wish.path.split(b"/") if wish.path else []
    for count, part in enumerate(parts, start=1):
        ways.append(Way(to_text(part), replace(plain, path=b"/".join(parts[:count])).address()))
    return tuple(ways)


def _heads(wish: Wish) -> tuple[Head, ...]:
    def head(text: str, css: str, first: str, second: str) -> Head:
        state = {first: "descending", second: "ascending"}.get(wish.sort, "")
        if first == "name":
            state = "ascending" if wish.sort == "name" else ""
        target = second if wish.sort == first else first
        return Head(text, css, state, replace(wish, sort=target, start=0).address())

    return (
        head("Name", "called", "name", "name"),
        head("Size", "size", "-size", "size"),
        Head("Mode", "mode"),
        Head("Owner", "owner"),
        head("Modified", "time", "-time", "time"),
        Head("Layer", "from"),
    )


def _absent(files: ImageFiles, view: View, wish: Wish) -> Absent:
    shown = "/" + to_text(wish.path)
    up = Way("To the root", replace(wish, path=b"", opened=(), start=0).address())
    for version in files.history(wish.path):
        if version.layer > view.top and version.change is Change.ADDED:
            there = replace(wish, layer=version.layer if version.layer < files.depth - 1 else None)
            return Absent(
                f"{shown} is not there yet",
                f"Layer {version.layer + 1} brings it; these are the files up to layer {view.top + 1}.",
                (Way(f"Show layer {version.layer + 1}", there.address()), up),
            )
    removed = [one.layer for one in files.history(wish.path) if one.change is Change.REMOVED]
    if removed and removed[-1] <= view.top:
        before = replace(wish, layer=removed[-1] - 1)
        return Absent(
            f"{shown} is not there any more",
            f"Layer {removed[-1] + 1} removed it.",
            (Way(f"Show layer {removed[-1]}", before.address()), up),
        )
    return Absent(f"There is no {shown}", "No layer of this image has it.", (up,))

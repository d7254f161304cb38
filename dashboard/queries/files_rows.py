"""One line each for the entries of a merged tree, with every address that it leads to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from dashboard.figures import hue
from dashboard.queries.files_matches import touched_directories
from dashboard.queries.files_owners import Owners
from dashboard.queries.files_wish import FileFilter, Wish, in_address
from dashboard.templatetags.files import kind_icon
from worker.engine.errors import LinkLoop
from worker.engine.files import Change, Difference, Node, View, to_text
from worker.engine.layers import EntryType
from worker.models import ImageLayer

PAGE = 300
_SIGNS = {Change.ADDED: "+", Change.CHANGED: "~", Change.REMOVED: "−", Change.NONE: ""}  # noqa: RUF001
_SPECIAL = 0o6000


@dataclass(frozen=True, slots=True)
class Origin:
    """The layer that an entry comes from; ``place`` counts from 1."""

    place: int
    hue: str
    title: str
    address: str


@dataclass(frozen=True, slots=True)
class Row:
    """One entry.

    Attributes:
        level, position, siblings: where it is in the tree: 1 is the outermost level, and the first position.
        shown: its path as text; ``name``: the last part; ``within``: what is before it, where that is needed.
        address: where it leads: of a directory, to the same view with it open or closed.
        fetch: where its own entries come from; ``enter``: to the directory alone. Empty for what is none.
        size: bytes: of a directory, of all that is in it.
        sign, change: what the layer did, as one character and as a word for the style.
    """

    node: Node
    level: int
    position: int
    siblings: int
    shown: str
    name: str
    origin: Origin
    address: str
    size: int
    owner_short: str
    icon: str
    sign: str
    change: str
    within: str = ""
    fetch: str = ""
    enter: str = ""
    is_open: bool = False
    is_sought: bool = False
    link: str = ""
    link_is: str = ""
    more: str = ""

    @property
    def can_open(self) -> bool:
        return bool(self.fetch)

    @property
    def is_gone(self) -> bool:
        return self.node.change is Change.REMOVED

    @property
    def is_special(self) -> bool:
        return bool(self.node.mode & _SPECIAL) and self.node.is_file

    @property
    def has_size(self) -> bool:
        return self.node.is_file or self.node.is_directory

    @property
    def changed_what(self) -> str:
        return ", ".join(self.node.what)


@dataclass(frozen=True, slots=True)
class More:
    """A line that leads to further entries; ``fetch`` is empty where they do not belong in its place."""

    level: int
    said: str
    more: str
    fetch: str


class RowMaker:
    """Makes lines for one view of the tab."""

    def __init__(
        self,
        view: View,
        wish: Wish,
        stack: Sequence[ImageLayer],
        owners: Owners,
        file_address: str,
        *,
        sought: bytes = b"",
    ) -> None:
        """``file_address`` is that of the page of one file, up to and including ``path=``."""
        self.view = view
        self.wish = wish
        self._owners = owners
        self._sought = sought
        self._origins = _origins(stack, wish)
        self._touched = touched_directories(view)
        self._opened = wish.ancestors_opened
        # With nothing filtered, open, or left out: what leads to a place in the tree begins there anew.
        plain = replace(wish, path=b"", opened=(), start=0, filter=FileFilter()).address()
        self._enter = _and(plain) + "path="
        self._fetch = _and(replace(wish, opened=(), start=0, filter=FileFilter()).address()) + "under="
        self._open = _and(replace(wish, start=0).address()) + "open="
        layer = f"&layer={wish.layer}" if wish.layer is not None else ""
        self._file = (file_address, layer)
        # What a layer removed is to be seen as of the one below.
        self._lost = (file_address, f"&layer={view.top - 1}")
        self._base = wish.path.count(b"/") + 1 if wish.path else 0

    def level(self, directory: bytes) -> int:
        """Return the level of what is in ``directory``."""
        return (directory.count(b"/") + 1 if directory else 0) - self._base + 1

    def in_tree(self, nodes: Sequence[Node], directory: bytes, start: int, siblings: int) -> list[Row]:
        """Return lines for entries of one directory, of which ``start`` come before them."""
        level = self.level(directory)
        return [self._row(node, level, start + at, siblings) for at, node in enumerate(nodes, start=1)]

    def in_list(self, nodes: Sequence[Node], start: int, count: int) -> list[Row]:
        """Return lines for entries from anywhere in the directory that is shown."""
        return [self._row(node, 1, start + at, count, flat=True) for at, node in enumerate(nodes, start=1)]

    def rest(self, directory: bytes, start: int, siblings: int) -> More | None:
        """Return the line for what follows; None if nothing does."""
        left = siblings - start - PAGE
        if left <= 0:
            return None
        path = in_address("/" + to_text(directory))
        following = f"&start={start + PAGE}"
        address, fetch = self._enter + path + following, self._fetch + path + following
        return More(self.level(directory), said_rest(left), address, fetch)

    def _row(self, node: Node, level: int, position: int, siblings: int, *, flat: bool = False) -> Row:
        shown = "/" + to_text(node.path)
        above, _, name = node.path.rpartition(b"/")
        path = in_address(shown)
        is_gone = node.change is Change.REMOVED
        # Of a base everything is new: to say it on every line would say nothing.
        change = str(node.change) if self.view.top else ""
        sign = _SIGNS[node.change] if self.view.top else ""
        if node.what == (Difference.TIME,):
            change = "stamped"  # nothing but its time: of a directory, something in it changed
        address, fetch, enter, size, is_open = "", "", "", node.size, False
        if node.is_directory:
            enter = self._enter + path
            size = 0 if is_gone else self.view.total(node.path).bytes
            address = enter
            if not flat:
                is_open = node.path in self._opened
                fetch = self._fetch + path
                address = self._closed(node.path) if is_open else self._open + path
                if not change and node.path in self._touched:
                    change, sign = "inside", "•"
        else:
            address = self._to_file(node, path, is_gone=is_gone)
        within = ""
        if flat and above != self.wish.path:
            inside = above[len(self.wish.path) + 1 :] if self.wish.path else above
            within = to_text(inside) + "/"
        return Row(
            node=node,
            level=level,
            position=position,
            siblings=siblings,
            shown=shown,
            name=to_text(name),
            origin=self._origins[node.layer],
            address=address,
            size=size,
            owner_short=self._owners.of(node),
            icon=kind_icon(node),
            sign=sign,
            change=change,
            within=within,
            fetch=fetch,
            enter=enter,
            is_open=is_open,
            is_sought=node.path == self._sought,
            link=to_text(node.link or node.hardlink_to or b""),
            link_is="Links to" if node.link else "The same file as" if node.hardlink_to else "",
        )

    def _to_file(self, node: Node, path: str, *, is_gone: bool) -> str:
        if node.type is EntryType.SYMLINK and not is_gone:
            try:
                target = self.view.resolve(node.path)
            except LinkLoop:
                target = None
            if target is not None and target.is_directory:
                return self._enter + in_address("/" + to_text(target.path))
        head, tail = self._lost if is_gone else self._file
        return head + path + tail

    def _closed(self, path: bytes) -> str:
        inside = path + b"/"
        left = [one for one in self.wish.opened if one != path and not one.startswith(inside)]
        parent = path.rpartition(b"/")[0]
        if parent and len(parent) > len(self.wish.path):
            left.append(parent)
        return replace(self.wish, opened=tuple(dict.fromkeys(left)), start=0).address()


def said_rest(left: int) -> str:
    """Say what the next page shows of the ``left`` entries that follow."""
    return f"Show {min(left, PAGE):,} more" + (f" of {left:,}" if left > PAGE else "")


def _and(address: str) -> str:
    """Return an address that one more field can follow."""
    return address if address.endswith("?") else address + "&"


def _origins(stack: Sequence[ImageLayer], wish: Wish) -> Mapping[int, Origin]:
    last = len(stack) - 1
    made = {}
    for position, row in enumerate(stack):
        command = row.created_by[:80] + "…" if len(row.created_by) > 80 else row.created_by
        made[position] = Origin(
            place=position + 1,
            hue=f"h{hue(row.layer.diff_id)}",
            title=f"From layer {position + 1}" + (f": {command}" if command else ""),
            address=replace(wish, layer=position if position != last else None, start=0).address(),
        )
    return made

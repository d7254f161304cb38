"""One file of both sides: its facts beside each other, and its text line by line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from stat import filemode

from dashboard.figures import size
from dashboard.queries.compare import Pair, Side, compared_files
from dashboard.queries.compare_rows import Row, details
from dashboard.queries.file_trees import diff_id_of, files_of, store_layers
from dashboard.templatetags.files import exact_time
from worker.engine.compare import Entry
from worker.engine.compare.text import MAX_BYTES, TextComparison, compare_texts
from worker.engine.content import read_head
from worker.engine.content.text import Text, read_text
from worker.engine.errors import NotFound, StrataError
from worker.engine.files import to_text
from worker.engine.layers import EntryType
from worker.models import Container
from worker.services import read_container_file


@dataclass(frozen=True, slots=True)
class Content:
    """What one side has at the path.

    Attributes:
        entry: None if it has nothing there.
        text: its beginning, if it is a file of text.
        problem: why it cannot be read; None if it can.
    """

    entry: Entry | None
    text: Text | None = None
    problem: StrataError | None = None

    @property
    def is_file(self) -> bool:
        return self.entry is not None and self.entry.type == EntryType.FILE

    @property
    def is_cut(self) -> bool:
        """Whether it is longer than what is read."""
        return self.entry is not None and self.entry.size > MAX_BYTES


@dataclass(frozen=True, slots=True)
class FilePair:
    """A path of both sides.

    Attributes:
        text: side by side; None if that is not possible: ``why_not`` says why.
    """

    row: Row
    before: Content
    after: Content
    text: TextComparison | None
    why_not: str = ""

    @property
    def encodings(self) -> str:
        """In words, if they are not both the usual one."""
        names = [one.text.encoding for one in (self.before, self.after) if one.text]
        return " → ".join(dict.fromkeys(names))

    @property
    def is_cut(self) -> bool:
        return self.before.is_cut or self.after.is_cut


@dataclass(frozen=True, slots=True)
class Fact:
    """One attribute of both sides."""

    name: str
    before: str
    after: str

    @property
    def differs(self) -> bool:
        return self.before != self.after


def facts(pair: Pair, row: Row) -> list[Fact]:
    """Return the attributes of both sides, those of neither left out."""
    found = []
    for name, said in _FACTS.items():
        before, after = (said(entry) if entry else "" for entry in (row.before, row.after))
        if before or after:
            found.append(Fact(name, before, after))
    places = [_layer(side, entry) for side, entry in ((pair.a, row.before), (pair.b, row.after))]
    return [*found, Fact("Comes from", *places)]


def _layer(side: Side, entry: Entry | None) -> str:
    if entry is None:
        return ""
    return f"layer {entry.layer + 1} of {len(side.stack)}" if entry.layer >= 0 else "the container"


_FACTS: dict[str, Callable[[Entry], str]] = {
    "Type": lambda entry: str(entry.type),
    "Size": lambda entry: f"{size(entry.size)} ({entry.size:,} B)" if entry.type == EntryType.FILE else "",
    "Mode": lambda entry: f"{entry.mode:04o} {filemode(entry.mode)[1:]}",
    "Owner": lambda entry: f"{entry.uid}:{entry.gid}",
    "Time": lambda entry: exact_time(entry.mtime_ns),
    "Leads to": lambda entry: to_text(entry.link),
    "Hard link of": lambda entry: (
        f"/{to_text(entry.linked)}" if entry.linked not in (b"", entry.path) else ""
    ),
    "Attributes": lambda entry: ", ".join(
        f"{to_text(name)}={value.hex()[:80]}" for name, value in sorted(entry.xattrs.items())
    ),
    "SHA-256": lambda entry: entry.sha256.hex() if entry.sha256 else "",
}


def file_pair(pair: Pair, path: bytes) -> FilePair:
    """Read a path that differs.

    Raises:
        NotFound: nothing differs there.
        StrataError: what comparing the trees raises.
    """
    comparison = compared_files(pair)
    one = comparison.get(path)
    if one is None:
        raise NotFound(
            f"/{to_text(path)} does not differ: both sides have the same there, or nothing.",
            hint="Choose a file from the list of differences.",
        )
    before, after = comparison.entries(one)
    row = Row(one, before, after, tuple(details(one, before, after)))
    contents = _content(pair.a, before, pair.container), _content(pair.b, after, pair.container)
    why_not = _why_not(*contents)
    if why_not:
        return FilePair(row, *contents, None, why_not)
    text = compare_texts(*(one.text.text if one.text else "" for one in contents))
    return FilePair(row, *contents, text, "" if text else "They have too many lines to be laid out here.")


def _why_not(before: Content, after: Content) -> str:
    files = [one for one in (before, after) if one.is_file]
    if not files:
        return "What is not a file has no content."
    if any(one.problem for one in files):
        return "The content cannot be read now."
    same = [one.entry.sha256 for one in files if one.entry]
    if len(files) == 2 and same[0] == same[1] and same[0] is not None:
        return "Their content is the same, byte by byte."
    if any(one.text is None for one in files):
        return "It is not text."
    if all(one.is_cut for one in files) and len({one.text.text for one in files if one.text}) == 1:
        return f"They are the same in their first {size(MAX_BYTES)}, and differ only after that."
    return ""


def _content(side: Side, entry: Entry | None, container: Container | None) -> Content:
    if entry is None or entry.type != EntryType.FILE:
        return Content(entry)
    try:
        head = _head(side, entry, container)
    except StrataError as error:
        return Content(entry, problem=error)
    return Content(entry, read_text(head, whole=entry.size <= len(head)))


def _head(side: Side, entry: Entry, container: Container | None) -> bytes:
    if entry.layer < 0 and container is not None:
        return read_container_file(container, entry.path, MAX_BYTES)
    node = files_of(side.image).view().get(entry.path)
    if node is None:
        raise NotFound(f"There is no /{to_text(entry.path)} any more.")
    return read_head(store_layers(), node, diff_id_of(side.stack, node), MAX_BYTES)

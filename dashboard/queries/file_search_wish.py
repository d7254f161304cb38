"""What the address of the search page asks for, as it stands in its form."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import QueryDict

from worker.engine.errors import InvalidInput
from worker.engine.search import FileQuery, Kind, Mode
from worker.engine.weight.sizes import parse_size

_DIGITS = 64  # of a SHA-256

MODES = (
    (Mode.TEXT, "Part of the path"),
    (Mode.GLOB, "Glob"),
    (Mode.REGEX, "Regular expression"),
    (Mode.SHA256, "SHA-256 of the content"),
)
KINDS = (
    (Kind.FILE, "Files"),
    (Kind.DIRECTORY, "Directories"),
    (Kind.SYMLINK, "Symbolic links"),
    (Kind.DEVICE, "Devices"),
    (Kind.FIFO, "Named pipes"),
    (Kind.DELETED, "Deletion marks"),
)


@dataclass(frozen=True, slots=True)
class FileWish:
    """What the query string asks for, as it stands in the form."""

    text: str = ""
    mode: str = Mode.TEXT
    kind: str = ""
    min_size: str = ""
    max_size: str = ""
    ignore_case: bool = False
    after: str = ""

    @classmethod
    def read(cls, query: QueryDict) -> FileWish:
        return cls(
            text=query.get("q", ""),
            mode=query.get("mode", "") or Mode.TEXT,
            kind=query.get("type", ""),
            min_size=query.get("min", "").strip(),
            max_size=query.get("max", "").strip(),
            ignore_case=bool(query.get("nocase")),
            after=query.get("after", ""),
        )

    @property
    def is_empty(self) -> bool:
        return not (self.text or self.kind or self.min_size or self.max_size)

    def query(self) -> FileQuery:
        """What to look for. A whole SHA-256 is one, whatever the mode.

        Raises:
            InvalidInput: it cannot be meant.
        """
        text, mode = self.text, self.mode
        digits = text.strip().removeprefix("sha256:")
        if mode == Mode.TEXT and len(digits) == _DIGITS and not set(digits.lower()) - set("0123456789abcdef"):
            mode = Mode.SHA256
        if mode not in set(Mode):
            raise InvalidInput(f"“{mode[:40]}” is no way to search.", hint=f"One of {', '.join(Mode)}.")
        if self.kind not in ("", *Kind):
            raise InvalidInput(f"“{self.kind[:40]}” is no type of file.", hint=f"One of {', '.join(Kind)}.")
        return FileQuery(
            text=text.strip() if mode == Mode.SHA256 else text,
            mode=Mode(mode),
            kind=Kind(self.kind) if self.kind else None,
            min_size=parse_size(self.min_size) if self.min_size else None,
            max_size=parse_size(self.max_size) if self.max_size else None,
            ignore_case=self.ignore_case,
        )

"""A file of both sides, line by line."""

from __future__ import annotations

from ninja import Schema

from dashboard.api.schemas.compare import ComparedEntryOut
from worker.engine.compare.text import Line, TextComparison


class TextPieceOut(Schema):
    """A part of a line, and whether the other side's line lacks it."""

    text: str
    changed: bool


class TextLineOut(Schema):
    """A line of one side, in pieces; ``more`` characters at its end are left out."""

    number: int
    pieces: list[TextPieceOut]
    more: int

    @classmethod
    def of(cls, line: Line | None) -> TextLineOut | None:
        if line is None:
            return None
        pieces = [TextPieceOut(text=piece.text, changed=piece.changed) for piece in line.pieces]
        return cls(number=line.number, pieces=pieces, more=line.more)


class TextRowOut(Schema):
    kind: str
    before: TextLineOut | None
    after: TextLineOut | None


class TextHunkOut(Schema):
    """Rows that follow each other; ``skipped`` equal lines were left out before them."""

    skipped: int
    rows: list[TextRowOut]


class ComparedTextOut(Schema):
    """A file of both sides, line by line; ``why_not`` says why there are no hunks, if it cannot be."""

    path: str
    before: ComparedEntryOut | None
    after: ComparedEntryOut | None
    why_not: str
    added: int
    removed: int
    cut: int
    hunks: list[TextHunkOut]


def hunks_of(text: TextComparison | None) -> list[TextHunkOut]:
    return [
        TextHunkOut(
            skipped=hunk.skipped,
            rows=[
                TextRowOut(kind=row.kind, before=TextLineOut.of(row.before), after=TextLineOut.of(row.after))
                for row in hunk.rows
            ],
        )
        for hunk in (text.hunks if text else ())
    ]

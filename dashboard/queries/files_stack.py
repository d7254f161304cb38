"""The stack beside the Files tab: one layer chosen, those below it laid, those above it not yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dashboard import figures
from dashboard.queries.files_wish import Wish
from dashboard.templatetags.strata import slices
from worker.engine.files import Changes, Count
from worker.models import ImageLayer

WIDTH = 1000


@dataclass(frozen=True, slots=True)
class Place:
    """One layer to choose. ``place`` counts from 1, ``value`` from 0; ``bar`` is how it is drawn."""

    place: int
    value: int
    command: str
    address: str
    bar: figures.Bar
    is_chosen: bool
    is_above: bool


@dataclass(frozen=True, slots=True)
class Tally:
    """What the chosen layer did, in one respect, and the filter that shows it."""

    word: str
    sign: str
    tone: str
    files: int
    bytes: int
    address: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Step:
    """The chosen layer and its neighbours.

    Attributes:
        below, above: addresses of the same view one layer down and up; empty at the ends.
    """

    place: int
    count: int
    diff_id: str
    command: str
    places: tuple[Place, ...]
    below: str
    above: str
    tally: tuple[Tally, ...]
    width: int = WIDTH


def step(stack: Sequence[ImageLayer], wish: Wish, top: int, changes: Changes) -> Step:
    """Return the chosen layer ``top`` of ``stack`` for drawing."""
    last = len(stack) - 1

    def at(position: int) -> str:
        # The topmost is what one sees without choosing.
        return replace(wish, layer=position if position != last else None, start=0).address()

    places = tuple(
        Place(
            place=bar.place,
            value=position,
            command=row.created_by or "no command recorded",
            address=at(position),
            bar=bar,
            is_chosen=position == top,
            is_above=position > top,
        )
        for position, (row, bar) in enumerate(zip(stack, figures.bars(slices(stack), WIDTH), strict=True))
    )
    return Step(
        place=top + 1,
        count=len(stack),
        diff_id=stack[top].layer.diff_id,
        command=stack[top].created_by,
        places=places,
        below=at(top - 1) if top else "",
        above=at(top + 1) if top < last else "",
        tally=_tally(wish, changes),
    )


def _tally(wish: Wish, changes: Changes) -> tuple[Tally, ...]:
    def told(word: str, sign: str, tone: str, count: Count) -> Tally:
        is_chosen = wish.filter.change == word
        wanted = replace(wish.filter, change="" if is_chosen else word)
        return Tally(
            word=word,
            sign=sign,
            tone=tone,
            files=count.files + count.directories,
            bytes=count.bytes,
            address=replace(wish, filter=wanted, start=0).address(),
            is_chosen=is_chosen,
        )

    return (
        told("added", "+", "good", changes.added),
        told("changed", "~", "warn", changes.changed),
        told("removed", "−", "bad", changes.removed),  # noqa: RUF001 - a minus, as wide as the plus
    )

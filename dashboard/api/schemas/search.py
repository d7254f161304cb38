"""Answers of a search for files."""

from __future__ import annotations

from ninja import Field, Schema

from dashboard.api.schemas.common import Bytes, Digest
from dashboard.queries.file_search import Answer, Answers
from dashboard.queries.search_index import Coverage
from worker.engine.files import to_text
from worker.engine.search import Kind
from worker.engine.search.visibility import State


class PlaceOut(Schema):
    """One path in one layer."""

    layer: Digest
    path: str


class ShowingOut(Schema):
    """An image, or a running container, in whose merged view it stands."""

    id: int
    name: str


class HiddenOut(Schema):
    """An image that holds it in a layer without showing it, and the position of the layer that hides it."""

    id: int
    name: str
    state: State
    by_layer: int


class AnswerOut(Schema):
    """One content (what has none: one path), with the places where it stands.

    Paths are absolute, in the form that files of an image have. ``places`` are at most 200; if ``at_least``,
    there are more, and ``images_visible`` and ``images_hidden`` are lower bounds. ``images`` and ``hidden``
    are the newest few of those.
    """

    type: Kind
    sha256: Digest | None
    size: Bytes
    target: str | None
    places: list[PlaceOut]
    at_least: bool
    images_visible: int
    images: list[ShowingOut]
    images_hidden: int
    hidden: list[HiddenOut]
    containers: list[ShowingOut]

    @classmethod
    def of(cls, answer: Answer) -> AnswerOut:
        found = answer.found
        return cls(
            type=found.kind,
            sha256=answer.sha256 or None,
            size=found.size,
            target=None if found.target is None else to_text(found.target),
            places=[
                PlaceOut(layer=str(place.layer), path=f"/{to_text(place.path)}") for place in found.places
            ],
            at_least=answer.at_least,
            images_visible=answer.visible,
            images=[ShowingOut(id=one.id, name=str(one)) for one in answer.images],
            images_hidden=answer.out_of_sight,
            hidden=[
                HiddenOut(
                    id=one.image.id, name=str(one.image), state=one.fate.state, by_layer=one.fate.by or 0
                )
                for one in answer.hidden
            ],
            containers=[ShowingOut(id=one.pk, name=one.name) for one in answer.containers],
        )


class SearchOut(Schema):
    """A page of answers.

    If ``in_time`` is false, the time for one search was over: ``next`` goes on, and ``searched`` is the part
    of the paths that was looked through (null if that cannot be said). Of the ``layers`` of the project,
    ``layers_searchable`` can be searched by now.
    """

    items: list[AnswerOut]
    next: str | None
    in_time: bool
    searched: float | None = Field(examples=[None])
    layers: int
    layers_searchable: int

    @classmethod
    def of(cls, answers: Answers, coverage: Coverage) -> SearchOut:
        return cls(
            items=[AnswerOut.of(answer) for answer in answers.items],
            next=answers.after,
            in_time=answers.in_time,
            searched=answers.searched,
            layers=coverage.layers,
            layers_searchable=coverage.searchable,
        )

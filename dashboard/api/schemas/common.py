"""Shapes that every part of the API shares."""

from __future__ import annotations

from typing import Annotated, Generic, Self, TypeVar

from ninja import Field, Schema
from pydantic import ConfigDict, model_validator
from pydantic_core import PydanticCustomError

Item = TypeVar("Item")

Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$", examples=["sha256:" + "4a" * 32])]
Bytes = Annotated[int, Field(ge=0)]
ProjectSlug = Annotated[str | None, Field(description="The project's slug; absent: your first project.")]


class Input(Schema):
    """A request's body.

    An unknown field is refused: a typing error shall not pass for a default. So is a NUL character, which no
    text in a database can hold.
    """

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="after")
    def refuse_nul(self) -> Self:
        if _holds_nul(self.model_dump()):
            raise PydanticCustomError("nul", "It holds a NUL character")
        return self


class ErrorOut(Schema):
    """What went wrong.

    ``code`` is stable and for programs, ``message`` is a sentence for people, ``hint`` says what to do.
    """

    code: str
    message: str
    hint: str


class Refusal(Schema):
    """The body of every answer that is not 2xx."""

    error: ErrorOut


#: For what asks a registry: it cannot be reached, does not have it, or sent something else.
REGISTRY = {502: Refusal}


class Page(Schema, Generic[Item]):
    """One page of a list. ``next``, sent as ``cursor``, gives the page after; null on the last."""

    items: list[Item]
    next: str | None


def _holds_nul(value: object) -> bool:
    if isinstance(value, dict):
        return any(_holds_nul(part) for item in value.items() for part in item)
    if isinstance(value, list):
        return any(map(_holds_nul, value))
    return isinstance(value, str) and "\0" in value

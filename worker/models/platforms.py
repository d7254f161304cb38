"""How the platforms that a pull is to bring stand in a job's or schedule's row."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from worker.engine.errors import InvalidPlatform
from worker.engine.oci import Platform
from worker.engine.pipeline.values import ALL, Every

_ROOM = 152  # characters of Job.platform and Schedule.platform


def write_platforms(given: Iterable[str]) -> str:
    """Return platforms as a row holds them: separated by commas, each once; or ``all``, or nothing.

    Args:
        given: each a platform, several of them separated by commas, ``all`` or empty.

    Raises:
        InvalidPlatform: one of them cannot be meant, ``all`` is not alone, or they are too many for a row.
    """
    names = [name.strip() for text in given for name in text.split(",") if name.strip()]
    if any(name.lower() == ALL.value for name in names):
        if len(set(map(str.lower, names))) > 1:
            raise InvalidPlatform("All platforms, and single ones besides, cannot both be meant.")
        return ALL.value
    written = ",".join(dict.fromkeys(str(Platform.parse(name)) for name in names))
    if len(written) > _ROOM:
        raise InvalidPlatform(
            f"These are more platforms than the {_ROOM} characters that there is room for.",
            hint=f"Ask for fewer, or for {ALL.value}.",
        )
    return written


def read_platforms(row: str) -> tuple[Platform, ...] | Literal[Every.PLATFORM]:
    """Return the platforms that :func:`write_platforms` wrote; empty for this machine's."""
    if row == ALL.value:
        return ALL
    return tuple(Platform.parse(name) for name in row.split(",") if name)

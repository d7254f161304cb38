"""A family as an indented list, for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from worker.engine.lineage.tree import Family, Kin, Member


def outline(family: Family, size: Callable[[int], str]) -> Iterator[str]:
    """Yield a line for each member, its children below it; ``size`` writes a number of bytes."""
    for member, place in family.walk():
        yield f"{_branch(place)}{_said(member, size)}"


def _branch(place: tuple[bool, ...]) -> str:
    if len(place) == 1:
        return ""
    trunk = "".join("   " if last else "│  " for last in place[1:-1])
    return f"{trunk}{'└─ ' if place[-1] else '├─ '}"


def _said(member: Member, size: Callable[[int], str]) -> str:
    name = ", ".join(member.names) or f"(no image here) {member.command or 'no command recorded'}"
    layers = f"{member.added_layers} layer{'' if member.added_layers == 1 else 's'}"
    weight = "" if member.added_bytes is None else f", {size(member.added_bytes)}"
    plus = "+" if member.parent else ""
    here = "  <-" if member.kin is Kin.SELF else ""
    return f"{name}  {plus}{layers}{weight}{here}"

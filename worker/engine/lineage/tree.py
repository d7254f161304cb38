"""A family of images: stacks of layers, each on the one that it continues."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Kin(StrEnum):
    """What a member is to the image that the family is told for."""

    SELF = "self"
    ANCESTOR = "ancestor"
    DESCENDANT = "descendant"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Member:
    """One stack of layers.

    Attributes:
        chain_id: Its identity (OCI image spec, "Layer ChainID").
        parent: The chain ID of the member that it stands on; empty for a base.
        layers: How many it has in all.
        added_layers: How many of them its parent lacks.
        added_bytes: What those weigh unpacked; None as long as one was never extracted.
        names: Of the images that end on it, as ``host/repository:tag``, or ``host/repository@digest`` where
            no tag points; empty for an unnamed ancestor, on which none ends.
        digests: Of their manifests, in no order.
        command: The build step that made its top layer; empty if not known.
    """

    chain_id: str
    parent: str
    layers: int
    added_layers: int
    added_bytes: int | None
    names: tuple[str, ...]
    digests: tuple[str, ...]
    command: str
    kin: Kin = Kin.OTHER


class Family:
    """Members, each after the one that it stands on.

    Attributes:
        members: In that order.
    """

    def __init__(self, members: Sequence[Member]) -> None:
        self.members = tuple(members)
        self._children: dict[str, list[Member]] = {}
        for member in members:
            self._children.setdefault(member.parent, []).append(member)

    @property
    def bases(self) -> Sequence[Member]:
        """The members that stand on none."""
        return self._children.get("", [])

    def children(self, member: Member) -> Sequence[Member]:
        """The members that stand directly on one."""
        return self._children.get(member.chain_id, [])

    def walk(self) -> Iterator[tuple[Member, tuple[bool, ...]]]:
        """Yield every member, depth first, with its place: for each generation down to it, whether the member
        of that generation is the last of its siblings.
        """
        waiting: list[tuple[Member, tuple[bool, ...]]]
        waiting = [(member, (last,)) for member, last in _marked(self.bases)]
        while waiting:
            member, place = waiting.pop()
            yield member, place
            waiting += [(child, (*place, last)) for child, last in _marked(self.children(member))]


def _marked(siblings: Sequence[Member]) -> list[tuple[Member, bool]]:
    """The siblings, the last first, so that the first is taken first from the end."""
    return [(member, not number) for number, member in enumerate(reversed(siblings))]

"""Forks: stacks of layers that several images have in common, though no image ends on them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from worker.models.family import FamilyMember
from worker.models.image import ImageLayer
from worker.models.project import Project


@dataclass(frozen=True, slots=True)
class Fork:
    """An ancestor without a name, because it was never pulled, or is only what a build cache shares.

    Attributes:
        id: below zero, so that it is no image's.
        parent: id of the image or fork that it stands on; None for a base.
        image: id of an image that has these layers, and more.
        layer_count: how many layers it has.
        compressed_size, unpacked_size: bytes of all its layers; the latter None until all were extracted.
        diff_id, command: of its top layer.
    """

    id: int
    chain_id: str
    parent: int | None
    image: int
    layer_count: int
    compressed_size: int
    unpacked_size: int | None
    diff_id: str
    command: str


class FamilyTree:
    """A project's family tree, in memory."""

    def __init__(self, rows: Mapping[int, tuple[str, int | None, int, bool]]) -> None:
        """Take rows of chain ID, parent, height and whether an image ends there, by primary key."""
        chains = {pk: chain_id for pk, (chain_id, *_) in rows.items()}
        self._parents = {
            chain_id: chains.get(parent, "") if parent else "" for chain_id, parent, *_ in rows.values()
        }
        self._forks = {chain_id: pk for pk, (chain_id, _, _, named) in rows.items() if not named}
        self._heights = {chain_id: height for chain_id, _, height, _ in rows.values()}

    @classmethod
    def of(cls, project: Project) -> Self:
        members = FamilyMember.objects.filter(project=project).order_by()
        rows = members.values_list("pk", "chain_id", "parent_id", "height", "named")
        return cls({pk: (chain_id, parent, height, named) for pk, chain_id, parent, height, named in rows})

    def below(self, chain_id: str) -> str:
        """The chain ID of what a stack stands on; empty for a base, and for one that is not in the tree."""
        return self._parents.get(chain_id, "")

    def is_fork(self, chain_id: str) -> bool:
        return chain_id in self._forks

    def fork_id(self, chain_id: str) -> int:
        return -self._forks[chain_id]

    def forks(self) -> dict[str, int]:
        """The heights of the forks, by chain ID, the lowest first."""
        heights = {chain_id: self._heights[chain_id] for chain_id in self._forks}
        return dict(sorted(heights.items(), key=lambda item: item[1]))

    def standing_on(self, forks: Iterable[str]) -> dict[str, str]:
        """Return, by fork, a stack that continues it and on which an image ends."""
        found: dict[str, str] = {}
        for chain_id in sorted(self._heights, key=lambda chain_id: -self._heights[chain_id]):
            named = found.get(chain_id) if self.is_fork(chain_id) else chain_id
            if named and self.is_fork(below := self.below(chain_id)):
                found.setdefault(below, named)
        return {fork: found[fork] for fork in forks if fork in found}


def forks_of(tree: FamilyTree, oldest: Callable[[str], int | None]) -> tuple[Fork, ...]:
    """Tell of the forks of a tree; ``oldest`` gives the first image that ends on a stack."""
    heights = tree.forks()
    anchors = {
        fork: image
        for fork, named in tree.standing_on(heights).items()
        if (image := oldest(named)) is not None
    }
    if not anchors:
        return ()
    stacks: dict[int, list[Any]] = defaultdict(list)
    layers = ImageLayer.objects.filter(image__in=set(anchors.values())).order_by("image", "position")
    for row in layers.values_list(
        "image_id", "blob__size", "layer__unpacked_size", "layer__diff_id", "created_by", named=True
    ):
        stacks[row.image_id].append(row)
    found = []
    for chain_id, height in heights.items():
        if chain_id not in anchors:
            continue  # all images that had it were removed this very moment
        stack = stacks[anchors[chain_id]][:height]
        unpacked = [row.layer__unpacked_size for row in stack if row.layer__unpacked_size is not None]
        below = tree.below(chain_id)
        found.append(
            Fork(
                id=tree.fork_id(chain_id),
                chain_id=chain_id,
                parent=tree.fork_id(below) if tree.is_fork(below) else oldest(below),
                image=anchors[chain_id],
                layer_count=height,
                compressed_size=sum(row.blob__size for row in stack),
                unpacked_size=sum(unpacked) if len(unpacked) == len(stack) else None,
                diff_id=stack[-1].layer__diff_id,
                command=stack[-1].created_by,
            )
        )
    return tuple(found)

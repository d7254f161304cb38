"""Forks: stacks of layers that several images have in common, though no image ends on them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
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
        self._heights = {rows[pk][0]: rows[pk][2] for pk in self._forks.values()}

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

    @property
    def forks(self) -> Mapping[str, int]:
        """The heights of the forks, by chain ID, the lowest first."""
        return dict(sorted(self._heights.items(), key=lambda item: item[1]))


def forks_of(project: Project, tree: FamilyTree, oldest: Callable[[str], int | None]) -> tuple[Fork, ...]:
    """Tell of the forks of a tree; ``oldest`` gives the first image that ends on a stack."""
    if not tree.forks:
        return ()
    anchors: dict[str, int] = {}
    having = ImageLayer.objects.filter(image__project=project, chain_id__in=tree.forks).order_by("image")
    for chain_id, image in having.values_list("chain_id", "image_id"):
        anchors.setdefault(chain_id, image)
    stacks: dict[int, list[Any]] = defaultdict(list)
    layers = ImageLayer.objects.filter(image__in=set(anchors.values())).order_by("image", "position")
    for row in layers.values_list(
        "image_id", "blob__size", "layer__unpacked_size", "layer__diff_id", "created_by", named=True
    ):
        stacks[row.image_id].append(row)
    found = []
    for chain_id, height in tree.forks.items():
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

"""In which order to rebuild the images that stand on one that has changed."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from worker.models.forks import FamilyTree
from worker.models.image import Image, Tag
from worker.models.lineage import descendants


@dataclass(frozen=True, slots=True)
class Descendant:
    """An image to be rebuilt.

    Attributes:
        index: primary key of the index that led to it, if one did.
        names: the tags that point at it, as ``host/repository:tag``; else its repository with its digest.
    """

    id: int
    digest: str
    index: int | None
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RebuildStep:
    """Images with the same layers, to be rebuilt together.

    Attributes:
        number: 1 is rebuilt first.
        wave: all steps of one wave stand on those of earlier ones only, so that they can run at once.
        after: number of the step that it stands on; None for the image that has changed.
        images: the one that came here first leads.
    """

    number: int
    wave: int
    after: int | None
    images: tuple[Descendant, ...]


def rebuild_order(image: Image) -> list[RebuildStep]:
    """Return the descendants of ``image``, each after what it stands on; in three queries at most."""
    rows: list[Any] = list(
        descendants(image).values_list(
            "pk", "digest", "index_id", "chain_id", "registry_host", "repository", named=True
        )
    )
    if not rows:
        return []
    tags = _tags(image)
    stacks: dict[str, list[Descendant]] = {}
    for row in rows:
        names = tags.get(row.pk) or [f"{row.registry_host}/{row.repository}@{row.digest}"]
        stacks.setdefault(row.chain_id, []).append(Descendant(row.pk, row.digest, row.index_id, tuple(names)))
    tree = FamilyTree.of(image.project)
    below: dict[str, str] = {}
    waves = {image.chain_id: 0}
    for chain_id, alike in stacks.items():  # those with fewer layers were told first
        below[chain_id] = _nearest(tree, stacks, chain_id, alike)
        waves[chain_id] = waves.get(below[chain_id], 0) + 1
    order = sorted(stacks, key=lambda chain_id: waves[chain_id])
    numbers = {chain_id: number for number, chain_id in enumerate(order, 1)}
    return [
        RebuildStep(number, waves[chain_id], numbers.get(below[chain_id]), tuple(stacks[chain_id]))
        for chain_id, number in numbers.items()
    ]


def _tags(image: Image) -> dict[int, list[str]]:
    """The tags of descendants, by image, sorted."""
    found: dict[int, list[str]] = defaultdict(list)
    tags = Tag.objects.filter(image__in=descendants(image).order_by().values("pk"))
    for pk, host, repository, name in tags.values_list("image_id", "registry_host", "repository", "name"):
        if pk is not None:
            found[pk].append(f"{host}/{repository}:{name}")
    return found


def _nearest(
    tree: FamilyTree, stacks: dict[str, list[Descendant]], chain_id: str, alike: list[Descendant]
) -> str:
    """Return the longest stack below that is a descendant's; empty if the image itself is nearest.

    What is the same image for another platform was not built from this one.
    """
    indexes = {one.index for one in alike}
    chain = tree.below(chain_id)
    while chain:
        if any(one.index is None or one.index not in indexes for one in stacks.get(chain, ())):
            return chain
        chain = tree.below(chain)
    return ""

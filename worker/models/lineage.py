"""Which image grew out of which, by chain ID, inside one project.

An image P is an ancestor of C when P's diff IDs are a proper prefix of C's. Chain IDs make that a look-up:
it holds exactly when P's top chain ID is the chain ID of one of C's layers below its top. Twins have the same
diff IDs, whatever their compression or config. An image without layers is related to nothing. Nor are the
images of one index related to each other: they are one image for several platforms.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Coalesce

from worker.models.evidence import Candidate, weigh
from worker.models.forks import FamilyTree, Fork, forks_of
from worker.models.image import Image, ImageLayer, Tag
from worker.models.project import Project


def ancestors(image: Image) -> QuerySet[Image]:
    """Return the images that ``image`` stands on, base first; equally long ones (twins) oldest first."""
    below = ImageLayer.objects.filter(image=image, position__lt=image.layer_count - 1).values("chain_id")
    return _others(image).filter(chain_id__in=below).order_by("layer_count", "pulled_at", "id")


def parents(image: Image) -> list[Image]:
    """Return the ancestors with the longest chain, the most likely first: several if they are twins."""
    return [candidate.image for candidate in candidates(image)]


def candidates(image: Image) -> list[Candidate]:
    """Return the ancestors with the longest chain, the most likely first, and what speaks for each."""
    nearest = ancestors(image).order_by("-layer_count").values("chain_id")[:1]
    return weigh(image, list(ancestors(image).filter(chain_id__in=nearest).select_related("index")))


def descendants(image: Image) -> QuerySet[Image]:
    """Return the images that stand on ``image``, those with the fewest layers first."""
    if not image.chain_id:
        return Image.objects.none()
    above = ImageLayer.objects.filter(chain_id=image.chain_id).values("image_id")
    return (
        _others(image)
        .filter(id__in=above, layer_count__gt=image.layer_count)
        .order_by("layer_count", "pulled_at", "id")
    )


def children(image: Image) -> QuerySet[Image]:
    """Return the descendants that have no other image between themselves and ``image``."""
    # What is the same image for another platform lies in between nothing.
    holder = Image.objects.filter(project=image.project_id, chain_id=OuterRef("chain_id")).exclude(
        index=Coalesce(OuterRef("image__index"), 0)
    )
    between = ImageLayer.objects.filter(
        image=OuterRef("pk"),
        position__gte=image.layer_count,
        position__lt=OuterRef("layer_count") - 1,
    ).filter(Exists(holder))
    return descendants(image).exclude(Exists(between))


def siblings(image: Image) -> QuerySet[Image]:
    """Return the images that stand directly on the same parent, without the image's twins."""
    parent = ancestors(image).order_by("-layer_count", "pulled_at", "id").defer("config").first()
    if parent is None:
        return Image.objects.none()
    return (children(parent) & _others(image)).exclude(chain_id=image.chain_id)


def twins(image: Image) -> QuerySet[Image]:
    """Return the other images with the same diff IDs, oldest first."""
    if not image.chain_id:
        return Image.objects.none()
    return _others(image).filter(chain_id=image.chain_id).order_by("pulled_at", "id")


@dataclass(frozen=True, slots=True)
class GraphNode:
    """One image in a project's graph.

    Attributes:
        names: its tags as ``host/repository:tag``, sorted; its repository alone if no tag points at it.
        parents: ids of the images with the longest shared chain, oldest first; empty for a base.
        twin_of: id of the oldest image with the same diff IDs, if that is another one.
        compressed_size, unpacked_size: bytes of the whole image.
        own_size: compressed bytes of the layers that the first parent lacks.
        fork: id of the nearest :class:`Fork` between it and its parents; None if there is none.
    """

    id: int
    digest: str
    names: tuple[str, ...]
    platform: str
    layer_count: int
    compressed_size: int
    own_size: int
    unpacked_size: int | None
    parents: tuple[int, ...]
    twin_of: int | None
    fork: int | None = None


@dataclass(frozen=True, slots=True)
class ProjectGraph:
    """The images of a project, parents before children.

    Attributes:
        forks: the stacks that several images have in common though none ends on them, the lowest first.
    """

    nodes: tuple[GraphNode, ...]
    forks: tuple[Fork, ...] = ()

    @property
    def total(self) -> int:
        return len(self.nodes)


def project_graph(project: Project) -> ProjectGraph:
    """Return how a project's images grew out of each other, in five queries however many there are."""
    # Tuples: ten thousand model instances would cost more than the queries.
    images = Image.objects.filter(project=project).order_by("layer_count", "pulled_at", "id").values_list(
        "id", "digest", "registry_host", "repository", "os", "architecture", "variant", "chain_id",
        "layer_count", "compressed_size", "unpacked_size", "index_id",
        named=True,
    )  # fmt: skip
    rows = list(images)
    holders = _Holders()
    for row in rows:
        if row.chain_id:
            holders.add(row.chain_id, row.id, row.index_id)
    sizes = {row.id: row.compressed_size for row in rows}
    tree = FamilyTree.of(project)
    nearest, forks = _nearest(tree, holders, rows)
    names = _names(project)
    nodes = []
    for row in rows:
        its_parents = holders.apart_from(row.index_id, nearest[row.id]) if row.id in nearest else ()
        alike = holders.apart_from(row.index_id, row.chain_id) if row.chain_id else ()
        # Itself is among them unless an index led to it: then the older ones are those before it.
        oldest_twin = alike[0] if alike and holders.is_older(alike[0], row.id, row.chain_id) else row.id
        size = row.compressed_size
        nodes.append(
            GraphNode(
                id=row.id,
                digest=row.digest,
                names=tuple(names.get(row.id, (f"{row.registry_host}/{row.repository}",))),
                platform="/".join(part for part in (row.os, row.architecture, row.variant) if part),
                layer_count=row.layer_count,
                compressed_size=size,
                own_size=max(0, size - sizes[its_parents[0]]) if its_parents else size,
                unpacked_size=row.unpacked_size,
                parents=its_parents,
                twin_of=oldest_twin if oldest_twin != row.id else None,
                fork=forks.get(row.id),
            )
        )
    return ProjectGraph(tuple(nodes), forks_of(tree, holders.oldest))


def _others(image: Image) -> QuerySet[Image]:
    return Image.objects.filter(project=image.project_id).apart_from(image)


class _Holders:
    """Which images have a chain ID as their top, oldest first; and of which index they are."""

    def __init__(self) -> None:
        self._by_chain: dict[str, dict[int, int | None]] = defaultdict(dict)

    def add(self, chain_id: str, image_id: int, index_id: int | None) -> None:
        self._by_chain[chain_id][image_id] = index_id

    def apart_from(self, index_id: int | None, chain_id: str) -> tuple[int, ...]:
        """The images with this top, without those that are of the same index."""
        held = self._by_chain.get(chain_id, {})
        return tuple(image for image, index in held.items() if index is None or index != index_id)

    def any_apart_from(self, index_id: int | None, chain_id: str) -> bool:
        held = self._by_chain.get(chain_id, {})
        return any(index is None or index != index_id for index in held.values())

    def oldest(self, chain_id: str) -> int | None:
        """The image that had this top first."""
        return next(iter(self._by_chain.get(chain_id, {})), None)

    def is_older(self, one: int, other: int, chain_id: str) -> bool:
        """Whether the first came here before the second; both have this top."""
        return next(image for image in self._by_chain[chain_id] if image in (one, other)) == one


def _nearest(
    tree: FamilyTree, holders: _Holders, rows: Iterable[Any]
) -> tuple[dict[int, str], dict[int, int]]:
    """Return, by image id, the longest chain below its top that another image ends on; and the nearest fork
    between the two.
    """
    nearest: dict[int, str] = {}
    forks: dict[int, int] = {}
    for row in rows:
        chain = tree.below(row.chain_id)
        # Nobody may end on it, or nobody but this same image for another platform.
        while chain and not holders.any_apart_from(row.index_id, chain):
            if tree.is_fork(chain):
                forks.setdefault(row.id, tree.fork_id(chain))
            chain = tree.below(chain)
        if chain:
            nearest[row.id] = chain
    return nearest, forks


def _names(project: Project) -> dict[int, list[str]]:
    names: dict[int, list[str]] = defaultdict(list)
    tags = Tag.objects.filter(project=project).order_by("registry_host", "repository", "name", "platform")
    for image_id, host, repository, name in tags.values_list(
        "image_id", "registry_host", "repository", "name"
    ):
        names[image_id].append(f"{host}/{repository}:{name}")
    return names

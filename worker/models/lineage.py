"""Which image grew out of which, by chain ID, inside one project.

An image P is an ancestor of C when P's diff IDs are a proper prefix of C's. Chain IDs make that a look-up:
it holds exactly when P's top chain ID is the chain ID of one of C's layers below its top. Twins have the same
diff IDs, whatever their compression or config. An image without layers is related to nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from django.db.models import Exists, F, OuterRef, QuerySet, Subquery

from worker.models.image import Image, ImageLayer, Tag
from worker.models.project import Project


def ancestors(image: Image) -> QuerySet[Image]:
    """Return the images that ``image`` stands on, base first; equally long ones (twins) oldest first."""
    below = ImageLayer.objects.filter(image=image, position__lt=image.layer_count - 1).values("chain_id")
    return _of_project(image).filter(chain_id__in=below).order_by("layer_count", "pulled_at", "id")


def parents(image: Image) -> list[Image]:
    """Return the ancestors with the longest chain, oldest first: several if they are twins of one another."""
    nearest_first = ancestors(image).order_by("-layer_count", "pulled_at", "id")
    for _, candidates in groupby(nearest_first, key=lambda ancestor: ancestor.chain_id):
        return list(candidates)
    return []


def descendants(image: Image) -> QuerySet[Image]:
    """Return the images that stand on ``image``, those with the fewest layers first."""
    if not image.chain_id:
        return Image.objects.none()
    above = ImageLayer.objects.filter(chain_id=image.chain_id).values("image_id")
    return (
        _of_project(image)
        .filter(id__in=above, layer_count__gt=image.layer_count)
        .order_by("layer_count", "pulled_at", "id")
    )


def children(image: Image) -> QuerySet[Image]:
    """Return the descendants that have no other image between themselves and ``image``."""
    between = ImageLayer.objects.filter(
        image=OuterRef("pk"),
        position__gte=image.layer_count,
        position__lt=OuterRef("layer_count") - 1,
        chain_id__in=_of_project(image).order_by().values("chain_id"),
    )
    return descendants(image).exclude(Exists(between))


def twins(image: Image) -> QuerySet[Image]:
    """Return the other images with the same diff IDs, oldest first."""
    if not image.chain_id:
        return Image.objects.none()
    return _of_project(image).filter(chain_id=image.chain_id).exclude(pk=image.pk).order_by("pulled_at", "id")


@dataclass(frozen=True, slots=True)
class GraphNode:
    """One image in a project's graph.

    Attributes:
        names: its tags as ``host/repository:tag``, sorted; its repository alone if no tag points at it.
        parents: ids of the images with the longest shared chain, oldest first; empty for a base.
        twin_of: id of the oldest image with the same diff IDs, if that is another one.
        compressed_size, unpacked_size: bytes of the whole image.
        own_size: compressed bytes of the layers that the first parent lacks.
    """

    id: int
    digest: str
    names: tuple[str, ...]
    platform: str
    chain_id: str
    layer_count: int
    compressed_size: int
    own_size: int
    unpacked_size: int | None
    pulled_at: datetime
    parents: tuple[int, ...]
    twin_of: int | None


@dataclass(frozen=True, slots=True)
class ProjectGraph:
    """The images of a project, parents before children.

    Attributes:
        total: images in the project; ``nodes`` holds fewer if a limit was given (the latest ones).
    """

    nodes: tuple[GraphNode, ...]
    total: int


def project_graph(project: Project, limit: int | None = None) -> ProjectGraph:
    """Return how a project's images grew out of each other, in three queries however many there are.

    With a ``limit``, only the images pulled last are looked at; a parent outside of them is not shown.
    """
    images = Image.objects.filter(project=project).order_by("-pulled_at", "-id")
    total = images.count()
    # Plain tuples: ten thousand model instances would cost more than the queries.
    rows = list(
        images.values_list(
            "id", "digest", "registry_host", "repository", "os", "architecture", "variant", "chain_id",
            "layer_count", "compressed_size", "unpacked_size", "pulled_at",
        )[:limit]
    )  # fmt: skip
    rows.sort(key=lambda row: (row[8], row[11], row[0]))
    holders: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        if row[7]:
            holders[row[7]].append(row[0])
    sizes = {row[0]: row[9] for row in rows}
    nearest = _nearest_chains(project, holders.keys())
    names = _names(project)
    nodes = []
    for (
        image_id,
        digest,
        host,
        repository,
        os,
        arch,
        variant,
        chain,
        count,
        size,
        unpacked,
        pulled_at,
    ) in rows:
        its_parents = tuple(holders[nearest[image_id]]) if image_id in nearest else ()
        oldest_twin = holders[chain][0] if chain else image_id
        nodes.append(
            GraphNode(
                id=image_id,
                digest=digest,
                names=tuple(names.get(image_id, (f"{host}/{repository}",))),
                platform="/".join(part for part in (os, arch, variant) if part),
                chain_id=chain,
                layer_count=count,
                compressed_size=size,
                own_size=max(0, size - sizes[its_parents[0]]) if its_parents else size,
                unpacked_size=unpacked,
                pulled_at=pulled_at,
                parents=its_parents,
                twin_of=oldest_twin if oldest_twin != image_id else None,
            )
        )
    return ProjectGraph(tuple(nodes), total)


def _of_project(image: Image) -> QuerySet[Image]:
    return Image.objects.filter(project=image.project_id)


def _nearest_chains(project: Project, known: Iterable[str]) -> dict[int, str]:
    """Return, by image id, the longest known chain strictly below its top."""
    known = set(known)
    shared = (
        ImageLayer.objects.filter(
            image__project=project,
            position__lt=F("image__layer_count") - 1,
            chain_id__in=Subquery(Image.objects.filter(project=project).order_by().values("chain_id")),
        )
        .order_by()
        .values_list("image_id", "position", "chain_id")
    )
    best: dict[int, tuple[int, str]] = {}
    for image_id, position, chain_id in shared.iterator(chunk_size=10_000):
        if chain_id in known and (image_id not in best or best[image_id][0] < position):
            best[image_id] = (position, chain_id)
    return {image_id: chain_id for image_id, (_, chain_id) in best.items()}


def _names(project: Project) -> dict[int, list[str]]:
    names: dict[int, list[str]] = defaultdict(list)
    tags = Tag.objects.filter(project=project).order_by("registry_host", "repository", "name", "platform")
    for image_id, host, repository, name in tags.values_list(
        "image_id", "registry_host", "repository", "name"
    ):
        names[image_id].append(f"{host}/{repository}:{name}")
    return names

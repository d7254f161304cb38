"""What removing images means, as values: what of them goes, what stays, and because of whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from worker.models import Container, Image, Project


@dataclass(frozen=True, slots=True)
class Keepers:
    """Who needs a part also when the chosen images are gone.

    Attributes:
        images: how many other images of the project; ``first`` is the id of the oldest.
        elsewhere: whether an image of another project does, or one that no project has.
        work: whether a running pull or extraction does.
        container: whether a container does that none of those images explains.
    """

    images: int = 0
    first: int | None = None
    elsewhere: bool = False
    work: bool = False
    container: bool = False

    @property
    def any(self) -> bool:
        return bool(self.images or self.elsewhere or self.work or self.container)


@dataclass(frozen=True, slots=True)
class LayerFate:
    """What becomes of a layer: of its tree with file index, and of its compressed forms.

    Attributes:
        created_by: the command that made it, in one of the images; may be empty.
        among: how many of the chosen images have it.
        tree: bytes on disk of tree and file index; 0 if it is not extracted, None if not measured yet.
        blobs: bytes on disk of its compressed forms in the chosen images.
        goes: bytes of both that go; None if not known yet.
        keepers: who needs its tree.
        blob_keepers: who needs a compressed form of it.
    """

    diff_id: str
    created_by: str
    among: int
    tree: int | None
    blobs: int
    goes: int | None
    keepers: Keepers
    blob_keepers: Keepers

    @property
    def here(self) -> int:
        """Bytes on disk, as far as they are known."""
        return (self.tree or 0) + self.blobs

    @property
    def stays(self) -> int:
        return self.here - (self.goes or 0) if self.goes is not None else 0


@dataclass(frozen=True, slots=True)
class Use:
    """How many things, and what they take on the disk."""

    count: int = 0
    bytes: int = 0

    def __add__(self, other: Use) -> Use:
        return Use(self.count + other.count, self.bytes + other.bytes)


@dataclass(frozen=True, slots=True)
class WhatWouldGo:
    """What removing some images of a project means.

    Attributes:
        images: the chosen ones, by id.
        elsewhere: ids of those that another project has, too: of them nothing goes but the row.
        containers: those that stand on chosen images, which so cannot be removed; by image.
        extracting: ids of chosen images that are just being extracted, and so cannot be removed.
        layers: base first for a single image, else the largest first.
        trees, indexes, blobs: what goes, as the measurement of the store counts it; ``blobs`` are also
            manifests, configs and indexes of images.
        documents: what of ``blobs`` is no layer.
        documents_stay: manifests, configs and indexes that stay.
        made: bytes of what is made instead: the indexes of names that keep some of their platforms.
        unmeasured: layers of which it is not known yet what they take: until then ``freed`` is too little.
        mark: changes with anything that matters of this.
    """

    project: Project
    images: tuple[Image, ...]
    elsewhere: frozenset[int] = frozenset()
    containers: Mapping[int, tuple[Container, ...]] = field(default_factory=dict)
    extracting: frozenset[int] = frozenset()
    layers: tuple[LayerFate, ...] = ()
    trees: Use = Use()
    indexes: Use = Use()
    blobs: Use = Use()
    documents: Use = Use()
    documents_stay: Use = Use()
    made: int = 0
    unmeasured: int = 0
    mark: str = ""

    @property
    def freed(self) -> int:
        """Bytes that the disk has free afterwards, besides those that it has free now."""
        return self.trees.bytes + self.indexes.bytes + self.blobs.bytes - self.made

    @property
    def stays(self) -> int:
        """Bytes of the chosen images that stay, because somebody needs them."""
        return sum(layer.stays for layer in self.layers) + self.documents_stay.bytes

    @property
    def held(self) -> frozenset[int]:
        """Ids of those that cannot be removed."""
        return frozenset(self.containers) | self.extracting

    @property
    def quota(self) -> int:
        """Compressed bytes that no longer count against the project's quota."""
        return sum(image.compressed_size for image in self.images)

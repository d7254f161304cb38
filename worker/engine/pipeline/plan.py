"""What is missing: which layers to fetch, which to unpack, which are here already."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from enum import Enum

from worker.engine.events import LayerPlan, Planned
from worker.engine.oci import Descriptor, Digest
from worker.engine.pipeline.documents import Selected
from worker.engine.store import Store


class Need(Enum):
    """What a layer lacks."""

    NOTHING = "nothing"
    BLOB = "blob"
    TREE = "tree"
    """And its blob, unless that is here."""
    BLOB_AGAIN = "blob again"
    """Its blob is here, but damaged."""
    TREE_AGAIN = "tree again"
    """Its tree is here, but damaged."""


@dataclass(frozen=True, slots=True)
class LayerTask:
    """One layer to bring; an image may have it more than once.

    Attributes:
        positions: Where it is in the image; of several images, in all of them, one after another.
        descriptor: Of its blob.
        diff_id: What it must unpack to.
        need: What it lacks.
    """

    positions: tuple[int, ...]
    descriptor: Descriptor
    diff_id: Digest
    need: Need


def make_plan(store: Store, image: Selected, fetch_only: bool = False) -> tuple[LayerTask, ...]:
    """Find out what each layer of an image lacks.

    A tree that is here counts, whichever compressed form of the layer it came from: its blob is not fetched.

    Raises:
        UnsupportedMediaType: a layer cannot be read.
    """
    return make_plan_of_all(store, [image], fetch_only)


def make_plan_of_all(
    store: Store, images: Sequence[Selected], fetch_only: bool = False
) -> tuple[LayerTask, ...]:
    """Find out what each layer of several images lacks; one that they share is brought once.

    Positions count through all images, one after another. Raises as :func:`make_plan`.
    """
    groups: dict[Hashable, list[int]] = {}
    layers = _layers(images)
    for position, (descriptor, diff_id) in enumerate(layers):
        _ = descriptor.compression  # raises for what cannot be read
        groups.setdefault(descriptor.digest if fetch_only else diff_id, []).append(position)
    tasks = []
    for positions in groups.values():
        descriptor, diff_id = layers[positions[0]]
        need = _need(store, descriptor, diff_id, fetch_only)
        tasks.append(LayerTask(tuple(positions), descriptor, diff_id, need))
    return tuple(tasks)


def announce(image: Selected, tasks: tuple[LayerTask, ...]) -> Planned:
    """The plan as an event."""
    return announce_all([image], tasks)


def announce_all(images: Sequence[Selected], tasks: Sequence[LayerTask]) -> Planned:
    """The plan of several images as an event."""
    present = {position for task in tasks if task.need is Need.NOTHING for position in task.positions}
    again = {position for task in tasks for position in task.positions[1:]}
    plans: list[LayerPlan] = []
    for image in images:
        platform = str(image.platform) if len(images) > 1 else ""
        for layer, diff_id in zip(image.manifest.layers, image.config.diff_ids, strict=True):
            at = len(plans)
            here, twice = at in present, at in again
            plans.append(LayerPlan(at, str(layer.digest), str(diff_id), layer.size, here, platform, twice))
    return Planned(tuple(plans))


def _layers(images: Sequence[Selected]) -> list[tuple[Descriptor, Digest]]:
    """Blob and diff ID of all layers of all images."""
    return [
        pair for image in images for pair in zip(image.manifest.layers, image.config.diff_ids, strict=True)
    ]


def _need(store: Store, descriptor: Descriptor, diff_id: Digest, fetch_only: bool) -> Need:
    if fetch_only:
        return Need.NOTHING if store.blobs.is_here(descriptor) else Need.BLOB
    return Need.NOTHING if store.layers.has(diff_id) else Need.TREE

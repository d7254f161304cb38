"""What is missing: which layers to fetch, which to unpack, which are here already."""

from __future__ import annotations

from collections.abc import Hashable
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


@dataclass(frozen=True, slots=True)
class LayerTask:
    """One layer to bring; an image may have it more than once.

    Attributes:
        positions: Where it is in the image.
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
    groups: dict[Hashable, list[int]] = {}
    layers = image.manifest.layers
    for position, (descriptor, diff_id) in enumerate(zip(layers, image.config.diff_ids, strict=True)):
        _ = descriptor.compression  # raises for what cannot be read
        groups.setdefault(descriptor.digest if fetch_only else diff_id, []).append(position)
    tasks = []
    for positions in groups.values():
        descriptor, diff_id = layers[positions[0]], image.config.diff_ids[positions[0]]
        need = _need(store, descriptor, diff_id, fetch_only)
        tasks.append(LayerTask(tuple(positions), descriptor, diff_id, need))
    return tuple(tasks)


def announce(image: Selected, tasks: tuple[LayerTask, ...]) -> Planned:
    """The plan as an event."""
    present = {position for task in tasks if task.need is Need.NOTHING for position in task.positions}
    return Planned(
        tuple(
            LayerPlan(position, str(layer.digest), str(diff_id), layer.size, position in present)
            for position, (layer, diff_id) in enumerate(
                zip(image.manifest.layers, image.config.diff_ids, strict=True)
            )
        )
    )


def _need(store: Store, descriptor: Descriptor, diff_id: Digest, fetch_only: bool) -> Need:
    if fetch_only:
        return Need.NOTHING if store.blobs.is_here(descriptor) else Need.BLOB
    return Need.NOTHING if store.layers.has(diff_id) else Need.TREE

"""Which layers two images have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from worker.engine.oci import Digest


@dataclass(frozen=True, slots=True)
class LayersInCommon:
    """The layers of two images, by position.

    Attributes:
        base: So many layers, from the base up, are the same: up to there the images are one.
        moved: Layers above that, which both have as well, as pairs of positions (0 is the base): the store
            has them once, but what they stand on differs.
    """

    base: int
    moved: tuple[tuple[int, int], ...]


def layers_in_common(a: Sequence[Digest], b: Sequence[Digest]) -> LayersInCommon:
    """Compare two images' diff IDs, base first."""
    base = 0
    for one, other in zip(a, b, strict=False):
        if one != other:
            break
        base += 1
    places: dict[Digest, list[int]] = {}
    for position in reversed(range(base, len(b))):
        places.setdefault(b[position], []).append(position)
    moved = []
    for position in range(base, len(a)):
        if there := places.get(a[position]):
            moved.append((position, there.pop()))
    return LayersInCommon(base, tuple(moved))

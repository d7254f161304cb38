"""Whether what a layer has at a path can be seen in an image, or what hides it.

Layers are whatever tells them apart (a :class:`Digest` elsewhere in Strata). A stack is a sequence of them,
base first. A layer that stands in a stack twice counts at its higher place.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from worker.engine.layers import EntryType

L = TypeVar("L", bound=Hashable)
_DIRECTORIES = frozenset({EntryType.DIRECTORY, EntryType.IMPLIED, EntryType.OPAQUE})


class State(StrEnum):
    """What became of it in an image."""

    VISIBLE = "visible"
    SHADOWED = "shadowed"
    """Something else stands at the path, from a layer above."""
    DELETED = "deleted"
    """A layer above deletes it, or a directory that it was in."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of it, and the position of the layer that did it; None if it is visible."""

    state: State
    by: int | None = None


def cover(entry: EntryType, *, at_path: bool, directory: bool = False) -> State | None:
    """Tell what an entry of a higher layer does to something below; None: nothing.

    Args:
        entry: Its type.
        at_path: Whether it stands at the very path; else it is one of the directories above.
        directory: Whether what is below is a directory.
    """
    if not at_path:
        return None if entry in (EntryType.DIRECTORY, EntryType.IMPLIED) else State.DELETED
    if entry is EntryType.WHITEOUT:
        return State.DELETED
    # Directories merge: of the one below, what is in it stays in sight.
    return None if directory and entry in _DIRECTORIES else State.SHADOWED


def fate(stack: Sequence[L], layer: L, covers: Mapping[L, State]) -> Fate | None:
    """Tell what became of something of ``layer`` in the image that ``stack`` is; None if it is not in there.

    Args:
        covers: What each layer would do to it, if it stands above (see :func:`cover`).
    """
    at = max((place for place, one in enumerate(stack) if one == layer), default=None)
    if at is None:
        return None
    for place in range(at + 1, len(stack)):
        if stack[place] in covers:
            return Fate(covers[stack[place]], place)
    return Fate(State.VISIBLE)


class Stacks(Generic[L]):
    """Many images as their stacks of layers, to be asked about all of them at once.

    Sets of images are numbers, a bit for each: ten thousand need 1.25 KB, and are compared at once.
    """

    def __init__(self, stacks: Iterable[tuple[int, Sequence[L]]] = ()) -> None:
        self._images: list[int] = []
        self._places: dict[int, int] = {}
        self._stacks: list[tuple[L, ...]] = []
        # Of each layer: which images have it at which place, their highest.
        self._standing: dict[L, dict[int, int]] = defaultdict(dict)
        for image, stack in stacks:
            self.add(image, stack)

    def add(self, image: int, stack: Sequence[L]) -> None:
        """Take in one more image."""
        bit = 1 << len(self._images)
        self._places[image] = len(self._images)
        self._images.append(image)
        self._stacks.append(tuple(stack))
        for layer, place in {layer: place for place, layer in enumerate(stack)}.items():
            standing = self._standing[layer]
            standing[place] = standing.get(place, 0) | bit

    @property
    def layers(self) -> frozenset[L]:
        return frozenset(self._standing)

    def __len__(self) -> int:
        return len(self._images)

    def all(self) -> Iterator[tuple[int, tuple[L, ...]]]:
        """All images with their stacks, as they came in."""
        return zip(self._images, self._stacks, strict=True)

    def stack(self, image: int) -> tuple[L, ...]:
        """The layers of an image, base first; none if it is not known."""
        place = self._places.get(image)
        return self._stacks[place] if place is not None else ()

    def has(self, images: int, image: int) -> bool:
        """Whether an image is in a set."""
        place = self._places.get(image)
        return place is not None and bool(images >> place & 1)

    def on(self, layer: L) -> int:
        """The set of images that stand on ``layer``."""
        images = 0
        for some in self._standing.get(layer, {}).values():
            images |= some
        return images

    def hidden(self, layer: L, covers: Mapping[L, State]) -> int:
        """The set of those images on ``layer`` in which one of ``covers`` stands above it."""
        mine = self._standing.get(layer, {})
        if not mine:
            return 0
        everywhere, hidden = self.on(layer), 0
        for other in covers:
            for place, images in self._standing.get(other, {}).items():
                if images & everywhere:
                    for below, some in mine.items():
                        if below < place:
                            hidden |= images & some
        return hidden

    def ids(self, images: int) -> Iterator[int]:
        """The images of a set, the last that came in first."""
        while images:
            place = images.bit_length() - 1
            yield self._images[place]
            images ^= 1 << place

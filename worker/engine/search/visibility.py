"""Whether what a layer has at a path can be seen in an image, or what hides it.

Layers are whatever tells them apart (a :class:`Digest` elsewhere in Strata). A stack is a sequence of them,
base first. A layer that stands in a stack twice counts at its higher place.
"""

from __future__ import annotations

from array import array
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
        self._layers: list[L] = []
        self._numbers: dict[L, int] = {}
        # By image, the numbers of its layers, the top first: so the first place of one is its highest.
        self._stacks: list[array[int]] = []
        # By number of a layer, the images on it: as bytes while images come in, since those can grow.
        self._on: list[bytearray] = []
        for image, stack in stacks:
            self.add(image, stack)

    def add(self, image: int, stack: Sequence[L]) -> None:
        """Take in one more image."""
        place = len(self._images)
        self._places[image] = place
        self._images.append(image)
        numbers = array("I", [self._number(layer) for layer in reversed(stack)])
        self._stacks.append(numbers)
        byte, bit = place >> 3, 1 << (place & 7)
        for number in numbers:
            images = self._on[number]
            if len(images) <= byte:
                images.extend(bytes(byte + 1 - len(images)))
            images[byte] |= bit

    @property
    def layers(self) -> frozenset[L]:
        return frozenset(self._layers)

    def __len__(self) -> int:
        return len(self._images)

    def all(self) -> Iterator[tuple[int, tuple[L, ...]]]:
        """All images with their stacks, as they came in."""
        return ((image, self.stack(image)) for image in self._images)

    def stack(self, image: int) -> tuple[L, ...]:
        """The layers of an image, base first; none if it is not known."""
        place = self._places.get(image)
        return (
            () if place is None else tuple(self._layers[number] for number in reversed(self._stacks[place]))
        )

    def has(self, images: int, image: int) -> bool:
        """Whether an image is in a set."""
        place = self._places.get(image)
        return place is not None and bool(images >> place & 1)

    def on(self, layer: L) -> int:
        """The set of images that stand on ``layer``."""
        number = self._numbers.get(layer)
        return 0 if number is None else int.from_bytes(self._on[number], "little")

    def hidden(self, layer: L, covers: Iterable[L]) -> int:
        """The set of those images on ``layer`` in which one of ``covers`` stands above it."""
        mine, everywhere = self._numbers.get(layer), self.on(layer)
        shown = everywhere
        for other in covers:
            its = self._numbers.get(other)
            if mine is None or its is None or its == mine:
                continue
            for place in _places(shown & self.on(other)):
                stack = self._stacks[place]
                if stack.index(its) < stack.index(mine):
                    shown &= ~(1 << place)
        return everywhere & ~shown

    def ids(self, images: int) -> Iterator[int]:
        """The images of a set, the last that came in first."""
        return (self._images[place] for place in _places(images))

    def _number(self, layer: L) -> int:
        number = self._numbers.get(layer)
        if number is None:
            number = self._numbers[layer] = len(self._layers)
            self._layers.append(layer)
            self._on.append(bytearray())
        return number


def _places(images: int) -> Iterator[int]:
    """The places of the bits that are set, the highest first."""
    while images:
        place = images.bit_length() - 1
        yield place
        images ^= 1 << place

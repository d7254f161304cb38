"""Who else has the same content: files of this project's layers, and the images that show them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dashboard.queries.names import Named, named
from dashboard.queries.search_index import coverage, search_index, stacks_of
from worker.engine.errors import StoreError
from worker.engine.oci import Digest
from worker.models import ImageLayer, Project

LISTED = 25
_LOOKED_FOR = 500


@dataclass(frozen=True, slots=True)
class Copy:
    """A file of a layer with the same content.

    Attributes:
        visible, hidden: how many images of the project that stand on the layer show it, and how many do not,
            because a layer above puts something else there or removes it.
        image: one of them, that shows it if any does; ``layer``, the layer's position in that.
    """

    diff_id: Digest
    path: bytes
    visible: int
    hidden: int
    image: Named
    layer: int

    @property
    def as_of(self) -> int | str:
        """The layer to look as of, to see it; empty: all of them."""
        return "" if self.visible else self.layer

    @property
    def place(self) -> int:
        """The layer's place in the image, counted from 1."""
        return self.layer + 1


@dataclass(frozen=True, slots=True)
class Copies:
    """All of them.

    Attributes:
        listed: those in most images first.
        count: how many there are; ``more``, whether there are further ones, which were not counted.
        layers: in how many layers.
        waiting: layers of the project that are not in the search database yet.
        problem: why they cannot be told; then the rest is empty.
    """

    listed: tuple[Copy, ...] = ()
    count: int = 0
    more: bool = False
    layers: int = 0
    waiting: int = 0
    problem: StoreError | None = None


def copies(project: Project, sha256: bytes, layer: Digest, path: bytes) -> Copies:
    """Return the files of the project's layers with this content, apart from ``path`` in ``layer`` itself."""
    stacks = stacks_of(project)
    try:
        index = search_index()
        places = index.same_content(sha256, stacks.layers, _LOOKED_FOR + 1)
        others = [(where, at) for where, at, _ in places[:_LOOKED_FOR] if (where, at) != (layer, path)]
        covers = index.covers_of([(at, False) for _, at in others], stacks.layers)
        waiting = coverage(stacks).waiting
    except StoreError as error:
        return Copies(problem=error)
    found: list[tuple[int, int, Digest, bytes, int]] = []
    for (where, at), above in zip(others, covers, strict=True):
        on, hidden = stacks.on(where), stacks.hidden(where, above)
        image = next(iter(stacks.ids(on & ~hidden or on)))
        found.append(((on & ~hidden).bit_count(), hidden.bit_count(), where, at, image))
    found.sort(key=lambda one: (-one[0], -one[1], one[3], one[2].hex))
    shown = found[:LISTED]
    names = named(project, {image for *_, image in shown})
    positions = _positions((image, where) for _, _, where, _, image in shown)
    return Copies(
        listed=tuple(
            Copy(where, at, visible, hidden, names[image], positions[image, where])
            for visible, hidden, where, at, image in shown
            if image in names and (image, where) in positions  # it was removed meanwhile
        ),
        count=len(found),
        more=len(places) > _LOOKED_FOR,
        layers=len({where for _, _, where, _, _ in found}),
        waiting=waiting,
    )


def _positions(wanted: Iterable[tuple[int, Digest]]) -> dict[tuple[int, Digest], int]:
    """Where layers stand in images: of one that is in there twice, the higher place."""
    pairs = set(wanted)
    rows = ImageLayer.objects.filter(
        image__in={image for image, _ in pairs}, layer__diff_id__in={str(layer) for _, layer in pairs}
    ).order_by("position")
    return {
        (image, Digest.parse(diff_id)): position
        for image, diff_id, position in rows.values_list("image", "layer__diff_id", "position")
    }

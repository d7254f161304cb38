"""What one image weighs: by layer, from the catalog; by file, from the indexes of its layers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from django.db.models import Exists, OuterRef
from django.db.models.functions import Coalesce

from dashboard.figures import Bar, Slice, bars
from worker.engine.files import ImageFiles, View
from worker.engine.weight import Efficiency, LayerSum, Sums, efficiency, sums
from worker.models import Image, ImageLayer


@dataclass(frozen=True, slots=True)
class FilesWeight:
    """What is in an image's files, and what of it is wasted."""

    sums: Sums
    efficiency: Efficiency


_weighed: WeakKeyDictionary[View, FilesWeight] = WeakKeyDictionary()


def files_weight(files: ImageFiles) -> FilesWeight:
    """Weigh an image's files; it is remembered as long as its merged tree is kept (``file_trees``)."""
    view = files.view()
    weight = _weighed.get(view)
    if weight is None:
        weight = _weighed[view] = FilesWeight(sums(files), efficiency(files))
    return weight


@dataclass(frozen=True, slots=True)
class Bytes:
    """Bytes of some layers, each once.

    Attributes:
        compressed: Of their blobs.
        unpacked: Of their uncompressed tars; None if one was never unpacked.
        content: Of the files in them; likewise.
        layers: How many.
    """

    compressed: int
    unpacked: int | None
    content: int | None
    layers: int

    @classmethod
    def of(cls, rows: Iterable[ImageLayer]) -> Bytes:
        once = {row.layer_id: row for row in rows}.values()
        unpacked = [row.layer.unpacked_size for row in once]
        content = [row.layer.content_size for row in once]
        return cls(
            sum(row.blob.size for row in once),
            _sum(unpacked),
            _sum(content),
            len(once),
        )


def _sum(sizes: Sequence[int | None]) -> int | None:
    known = [size for size in sizes if size is not None]
    return sum(known) if len(known) == len(sizes) else None


@dataclass(frozen=True, slots=True)
class LayerWeight:
    """One layer of an image.

    Attributes:
        place: 1 is the base.
        is_own: Whether no other image of the project has it.
        sum: Of the files in it; None if they are not known.
    """

    place: int
    row: ImageLayer
    is_own: bool
    sum: LayerSum | None

    @property
    def content(self) -> int | None:
        return self.sum.bytes if self.sum else self.row.layer.content_size

    @property
    def seen(self) -> int | None:
        return self.sum.seen if self.sum else None

    @property
    def hidden(self) -> int | None:
        return self.sum.hidden if self.sum else None

    @property
    def seen_percent(self) -> float:
        """Of its content; 100 of nothing."""
        return 100 * self.sum.seen / self.sum.bytes if self.sum and self.sum.bytes else 100.0


@dataclass(frozen=True, slots=True)
class ImageWeight:
    """An image by layer: all of it, what no other image of the project has, and what others have, too.

    The same image for another platform is no other image.
    """

    whole: Bytes
    own: Bytes
    shared: Bytes
    layers: tuple[LayerWeight, ...]


def weigh(image: Image, stack: Sequence[ImageLayer], sums: Sums | None) -> ImageWeight:
    """Weigh an image, whose ``stack`` has its layers and blobs, the base first."""
    own = own_layers(image)
    return ImageWeight(
        Bytes.of(stack),
        Bytes.of(row for row in stack if row.layer_id in own),
        Bytes.of(row for row in stack if row.layer_id not in own),
        tuple(
            LayerWeight(
                row.position + 1, row, row.layer_id in own, sums.layers[row.position] if sums else None
            )
            for row in stack
        ),
    )


def own_layers(image: Image) -> set[int]:
    """Return the ids of the layers of ``image`` that no other image of its project has."""
    elsewhere = (
        ImageLayer.objects.filter(layer=OuterRef("layer"), image__project=image.project_id)
        .exclude(image=image.pk)
        .exclude(image__index=Coalesce(OuterRef("image__index"), 0))
    )
    rows = ImageLayer.objects.filter(image=image).filter(~Exists(elsewhere))
    return set(rows.order_by().values_list("layer_id", flat=True))


@dataclass(frozen=True, slots=True)
class StackBar:
    """A layer in the picture of the stack: as wide as its content, filled as far as the image shows it."""

    weight: LayerWeight
    bar: Bar
    seen_y: float
    seen_height: float


STACK_WIDTH, STACK_HEIGHT = 1000, 56


def stack_bars(layers: Sequence[LayerWeight]) -> list[StackBar]:
    """Draw the stack, the base on the left, by bytes of content."""
    slices = [
        Slice(one.row.layer.diff_id, one.sum.bytes if one.sum else 0, one.row.created_by[:80])
        for one in layers
    ]
    drawn = []
    for one, bar in zip(layers, bars(slices, STACK_WIDTH), strict=True):
        height = STACK_HEIGHT * one.seen_percent / 100
        drawn.append(StackBar(one, bar, round(STACK_HEIGHT - height, 2), round(height, 2)))
    return drawn

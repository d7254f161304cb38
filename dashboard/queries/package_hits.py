"""The images that a search for a package found, as they are listed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.queries.names import Named, names_of
from dashboard.queries.package_search import Answer
from worker.models import Image, ImageLayer, PackageVersion, Project


@dataclass(frozen=True, slots=True)
class Hit:
    """A package found in an image.

    Attributes:
        package: which.
        path: the file that records it, in text form.
        layer: position of the layer that brought it.
    """

    package: PackageVersion
    path: str
    layer: int


@dataclass(frozen=True, slots=True)
class ImageHit:
    """An image with what was found in it.

    Attributes:
        hits: each with the layer that brought it, the one looked for first.
    """

    named: Named
    image: Image
    hits: list[tuple[Hit, ImageLayer]]


def image_hits(project: Project, answer: Answer, ids: Sequence[int]) -> list[ImageHit]:
    """Return the lines for the images ``ids``, in that order."""
    images = Image.objects.filter(project=project).select_related("index").defer("config").in_bulk(ids)
    names = names_of(images.values())
    stacks = ImageLayer.objects.filter(image__in=ids).select_related("layer")
    layer_at = {(row.image_id, row.position): row for row in stacks}
    return [
        ImageHit(
            names[pk],
            images[pk],
            [(hit, layer_at[pk, hit.layer]) for hit in sorted(_hits(answer, pk), key=_order)],
        )
        for pk in ids
        if pk in images
    ]


def _hits(answer: Answer, image: int) -> list[Hit]:
    return [Hit(answer.packages[pk], path, layer) for (pk, path), layer in answer.hits[image].items()]


def _order(hit: Hit) -> tuple[str, str, str]:
    return hit.package.name, hit.package.version, hit.path

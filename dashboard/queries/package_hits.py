"""The images that a search for a package found, as they are listed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.queries.names import Named, names_of
from dashboard.queries.package_search import Answer, Hit
from worker.models import Image, ImageLayer, Project


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
            [(hit, layer_at[pk, hit.layer]) for hit in sorted(answer.hits[pk], key=_order)],
        )
        for pk in ids
        if pk in images
    ]


def _order(hit: Hit) -> tuple[str, str, str]:
    return hit.package.name, hit.package.version, hit.path

"""Who stands on whom, for a page of images at once: by chain ID, inside one project."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, Exists, Min, OuterRef

from worker.models import Image, ImageLayer, Project


@dataclass(frozen=True, slots=True)
class Holder:
    """The images that have one chain ID as their top: how many, and the oldest of them."""

    count: int
    first: int


def holders(project: Project, chain_ids: Iterable[str]) -> dict[str, Holder]:
    """Return, for each of ``chain_ids`` that is some image's top, who holds it."""
    wanted = {chain for chain in chain_ids if chain}
    if not wanted:
        return {}
    rows = (
        Image.objects.filter(project=project, chain_id__in=wanted)
        .order_by()
        .values_list("chain_id")
        .annotate(count=Count("pk"), first=Min("pk"))
    )
    return {chain: Holder(count, first) for chain, count, first in rows}


def stood_upon(project: Project, images: Iterable[Image]) -> set[int]:
    """Return the ids of those of ``images`` that others stand on."""
    above = ImageLayer.objects.filter(
        chain_id=OuterRef("chain_id"), image__project=project, image__layer_count__gt=OuterRef("layer_count")
    )
    ids = [image.pk for image in images if image.chain_id]
    return set(Image.objects.filter(pk__in=ids).filter(Exists(above)).order_by().values_list("pk", flat=True))


def only_here(project: Project, images: Iterable[Image]) -> dict[int, int | None]:
    """Return, by image id, the unpacked bytes of the layers that no other image of the project has.

    None if such a layer was never unpacked. A layer that occurs twice in one image counts once.
    """
    ids = [image.pk for image in images]
    elsewhere = ImageLayer.objects.filter(layer=OuterRef("layer"), image__project=project).exclude(
        image=OuterRef("image")
    )
    own = (
        ImageLayer.objects.filter(image__in=ids)
        .filter(~Exists(elsewhere))
        .order_by()
        .values_list("image_id", "layer_id", "layer__unpacked_size")
        .distinct()
    )
    sums: dict[int, int | None] = dict.fromkeys(ids, 0)
    for image_id, _, unpacked in own:
        so_far = sums[image_id]
        sums[image_id] = None if so_far is None or unpacked is None else so_far + unpacked
    return sums

"""Who stands on whom, for a page of images at once: by chain ID, inside one project."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, Exists, Min, OuterRef
from django.db.models.functions import Coalesce

from worker.models import Image, ImageLayer, Project


@dataclass(frozen=True, slots=True)
class Holder:
    """The images that have one chain ID as their top: how many, and the oldest of them.

    The images of one index count once: they are one image for several platforms.
    """

    count: int
    first: int


class Holders:
    """Who has which chain ID as its top."""

    def __init__(self, rows: Iterable[tuple[str, int | None, int, int]]) -> None:
        """Take rows of chain ID, index, number of images, and the oldest of them."""
        self._by_chain: dict[str, list[tuple[int | None, Holder]]] = defaultdict(list)
        for chain, index, count, first in rows:
            self._by_chain[chain].append((index, Holder(count if index is None else 1, first)))

    def of(self, chain_id: str, *, apart_from: int | None) -> Holder | None:
        """Return who holds a chain ID, leaving out the images of an index; None if nobody does."""
        held = [
            holder
            for index, holder in self._by_chain.get(chain_id, [])
            if index is None or index != apart_from
        ]
        if not held:
            return None
        return Holder(sum(holder.count for holder in held), min(holder.first for holder in held))


def holders(project: Project, chain_ids: Iterable[str]) -> Holders:
    """Return who holds each of ``chain_ids`` that is some image's top."""
    wanted = {chain for chain in chain_ids if chain}
    if not wanted:
        return Holders(())
    rows = (
        Image.objects.filter(project=project, chain_id__in=wanted)
        .order_by()
        .values_list("chain_id", "index")
        .annotate(count=Count("pk"), first=Min("pk"))
    )
    return Holders(rows)


def stood_upon(project: Project, images: Iterable[Image]) -> set[int]:
    """Return the ids of those of ``images`` that others stand on."""
    above = ImageLayer.objects.filter(
        chain_id=OuterRef("chain_id"), image__project=project, image__layer_count__gt=OuterRef("layer_count")
    ).exclude(image__index=Coalesce(OuterRef("index"), 0))
    ids = [image.pk for image in images if image.chain_id]
    return set(Image.objects.filter(pk__in=ids).filter(Exists(above)).order_by().values_list("pk", flat=True))


def only_here(project: Project, images: Iterable[Image]) -> dict[int, int | None]:
    """Return, by image id, the unpacked bytes of the layers that no other image of the project has.

    The same image for another platform is no other image. None if such a layer was never unpacked. A layer
    that occurs twice in one image counts once.
    """
    ids = [image.pk for image in images]
    elsewhere = (
        ImageLayer.objects.filter(layer=OuterRef("layer"), image__project=project)
        .exclude(image=OuterRef("image"))
        .exclude(image__index=Coalesce(OuterRef("image__index"), 0))
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

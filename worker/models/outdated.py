"""Which images stand on an outdated base: a tag that named an ancestor names another image now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from worker.models.image import Image, ImageLayer, Tag, TagMovement
from worker.models.lineage import ancestors


@dataclass(frozen=True, slots=True)
class OutdatedBase:
    """One tag of an ancestor that went on to another image.

    Attributes:
        old: The nearest ancestor that it named.
        new: What it names now; without its config.
    """

    tag: Tag
    old: Image
    new: Image

    @property
    def moved_at(self) -> datetime:
        """When the tag came to the image that it names now."""
        return self.tag.moved_at


def outdated_bases(image: Image) -> list[OutdatedBase]:
    """Return the tags of ancestors that went on to other images, that of the nearest ancestor first.

    A tag went on only if the image lacks what it names now: another digest of the same layers, as after a
    recompression, outdates nothing. Nor does a tag that named this image itself, or that names one built on
    it: that is a name of its own, and no base's.
    """
    if image.layer_count < 2:
        return []
    line = ImageLayer.objects.filter(image=image).values("chain_id")
    on_this = ImageLayer.objects.filter(chain_id=image.chain_id).values("image_id")
    own = TagMovement.objects.filter(to_digest=image.digest, tag__project=image.project_id).values("tag_id")
    moved = (
        TagMovement.objects.filter(
            tag__project=image.project_id,
            to_digest__in=ancestors(image).order_by().values("digest"),
            tag__image__isnull=False,
        )
        .exclude(Q(tag__image__chain_id__in=line) | Q(tag__image__in=on_this) | Q(tag__in=own))
        .order_by()
        .values_list("to_digest", "tag_id")
        .distinct()
    )
    named: dict[str, set[int]] = {}
    for digest, tag_id in moved:
        named.setdefault(digest, set()).add(tag_id)
    if not named:
        return []
    old = ancestors(image).filter(digest__in=named).order_by("-layer_count", "pulled_at", "id")
    tags = Tag.objects.select_related("image").defer("image__config")
    by_id = tags.in_bulk(set().union(*named.values()))
    found: dict[int, OutdatedBase] = {}
    for ancestor in old.defer("config"):
        its_tags = (by_id[pk] for pk in named[ancestor.digest] if pk in by_id)
        for tag in sorted(its_tags, key=str):
            if tag.image is not None:
                found.setdefault(tag.pk, OutdatedBase(tag, ancestor, tag.image))
    return list(found.values())

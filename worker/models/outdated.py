"""Which images stand on an outdated base: a tag that named an ancestor names another image now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

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
    older = {one.digest: one for one in ancestors(image).defer("config")}
    if not older:
        return []
    line = ImageLayer.objects.filter(image=image).values("chain_id")
    named: dict[int, Image] = {}
    moves = TagMovement.objects.filter(tag__project=image.project_id, to_digest__in=older).order_by()
    for digest, tag_id in moves.values_list("to_digest", "tag_id"):
        before = named.get(tag_id)
        if before is None or before.layer_count < older[digest].layer_count:
            named[tag_id] = older[digest]
    tags = (
        Tag.objects.filter(pk__in=named, image__isnull=False)
        .exclude(image__chain_id__in=line)
        .exclude(image__in=ImageLayer.objects.filter(chain_id=image.chain_id).values("image_id"))
        .exclude(movements__to_digest=image.digest)
        .select_related("image")
        .defer("image__config")
    )
    found = [OutdatedBase(tag, named[tag.pk], tag.image) for tag in tags if tag.image is not None]
    return sorted(found, key=lambda base: (-base.old.layer_count, str(base.tag), base.tag.pk))

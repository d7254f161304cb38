"""Which images are offered to be compared with one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q

from dashboard.queries.compare import Side
from dashboard.queries.images import ImageFilter
from dashboard.queries.names import Named, names_of
from worker.models import Image, Project, Tag, TagMovement
from worker.models.lineage import ancestors, children

#: So many images are listed at once; the others are found by searching.
LISTED = 50
_SUGGESTED = 6


@dataclass(frozen=True, slots=True)
class Offer:
    """An image to choose.

    Attributes:
        why: what it is to the other one; empty in the list of all.
    """

    image: Image
    named: Named
    why: str = ""


def offers(project: Project, text: str) -> tuple[list[Offer], int]:
    """Return the images that a search finds, the latest first, and how many there are."""
    found = ImageFilter(text=text).apply(project)
    shown = list(found.defer("config")[:LISTED])
    count = found.count() if len(shown) == LISTED else len(shown)
    return _offers(shown, ""), count


def suggestions(project: Project, side: Side) -> list[Offer]:
    """Return what an image is likely to be compared with: what its tags pointed at before, its parents, its
    other platforms, what grew from it."""
    image = side.image
    found: dict[int, Offer] = {}
    kin = (
        (_earlier(project, image), "the tag pointed there before"),
        (ancestors(image).order_by("-layer_count", "pulled_at", "id"), "it stands on this"),
        (_platforms(image), "the same for another platform"),
        (children(image), "stands on it"),
    )
    for images, why in kin:
        rows = images.defer("config")[:_SUGGESTED] if not isinstance(images, list) else images
        for offer in _offers(rows, why):
            found.setdefault(offer.image.pk, offer)
    return list(found.values())[: 2 * _SUGGESTED]


def _earlier(project: Project, image: Image) -> list[Image]:
    """What the tags that point here pointed at before, and what tags that were here point at now."""
    tags = Tag.objects.filter(project=project)
    moves = TagMovement.objects.filter(tag__in=tags).filter(
        Q(to_digest=image.digest) | Q(from_digest=image.digest)
    )
    digests = [
        one.from_digest if one.to_digest == image.digest else one.to_digest
        for one in moves.order_by("-moved_at", "-id")[:_SUGGESTED]
    ]
    rows = {
        one.digest: one for one in Image.objects.filter(project=project, digest__in=digests).defer("config")
    }
    return [rows[digest] for digest in dict.fromkeys(digests) if digest in rows]


def _platforms(image: Image) -> list[Image]:
    if image.index_id is None:
        return []
    rows = Image.objects.filter(index=image.index_id, project=image.project_id).exclude(pk=image.pk)
    return list(rows.defer("config").order_by("pk")[:_SUGGESTED])


def _offers(images: Iterable[Image], why: str) -> list[Offer]:
    rows = list(images)
    names = names_of(rows)
    return [Offer(image, names[image.pk], why) for image in rows]

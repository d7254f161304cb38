"""The tags that point at an image."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q

from worker.models import Image, Tag


@dataclass(frozen=True, slots=True)
class PointingTag:
    """A tag that points at an image now, for whatever platform.

    Attributes:
        platforms: of the image, for which it does.
    """

    tag: Tag
    platforms: list[str]


def current_tags(image: Image) -> list[PointingTag]:
    """Return the tags that point at ``image`` now, or at the same image for other platforms; each once."""
    pointing = Q(image=image)
    if image.index_id is not None:
        pointing |= Q(image__index=image.index_id)
    found: dict[str, PointingTag] = {}
    rows = Tag.objects.filter(pointing).order_by("registry_host", "repository", "name", "platform")
    for tag in rows:
        found.setdefault(str(tag), PointingTag(tag, [])).platforms.append(tag.platform)
    return list(found.values())

"""Letting a tag point where the registry says that it points, and remembering how it moved."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from worker.engine.oci import Reference
from worker.models.image import Image, Tag, TagMovement


def move_tag(reference: Reference, name: str, images: Sequence[Image], moment: datetime) -> None:
    """Let the tag ``name`` point at ``images``: of one project, each for a platform of its own.

    The caller holds the recorders' turn, and took the ``moment`` since: who came later says so.
    """
    by_platform = {image.platform: image for image in images}
    known = {
        tag.platform: tag
        for tag in Tag.objects.filter(
            project__in={image.project_id for image in images},
            registry_host=reference.registry,
            repository=reference.repository,
            name=name,
            platform__in=by_platform,
        ).select_related("image")
    }
    fresh = [
        Tag(
            project_id=image.project_id,
            registry_host=reference.registry,
            repository=reference.repository,
            name=name,
            platform=platform,
            image=image,
            moved_at=moment,
            checked_at=moment,
        )
        for platform, image in by_platform.items()
        if platform not in known
    ]
    Tag.objects.bulk_create(fresh)
    movements = [TagMovement(tag=tag, to_digest=_digest(tag), moved_at=moment) for tag in fresh]
    for platform, tag in known.items():
        image = by_platform[platform]
        tag.checked_at = moment
        if tag.image_id != image.pk:
            movements.append(
                TagMovement(tag=tag, from_digest=_digest(tag), to_digest=image.digest, moved_at=moment)
            )
            tag.image, tag.moved_at = image, moment
    Tag.objects.bulk_update(known.values(), ["image", "moved_at", "checked_at"])
    TagMovement.objects.bulk_create(movements)


def _digest(tag: Tag) -> str:
    return tag.image.digest if tag.image is not None else ""

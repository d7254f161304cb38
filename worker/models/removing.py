"""Taking images out of the catalog: all or none, with what the history of their tags keeps of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.utils.timezone import now

from worker.engine.errors import Conflict
from worker.models.container import Container
from worker.models.growing import shrink
from worker.models.image import Image, Tag, TagMovement
from worker.models.indexing import drop_empty
from worker.models.job import ACTIVE_STATES, Job, JobKind
from worker.models.storage import RemovedManifest

_NAMED_AT_MOST = 5


def require_unused(images: Sequence[Image]) -> None:
    """Raise Conflict if a container stands on one of ``images``, or one is being extracted."""
    what = "this image" if len(images) == 1 else "these images"
    ids = [image.pk for image in images]
    containers = Container.objects.filter(image__in=ids).order_by("name").values_list("name", flat=True)
    if names := list(containers[: _NAMED_AT_MOST + 1]):
        count = len(names) if len(names) <= _NAMED_AT_MOST else containers.count()
        raise Conflict(
            f"{_listed(names, count)} {what}.",
            hint="Remove the container first." if count == 1 else "Remove the containers first.",
        )
    if Job.objects.filter(kind=JobKind.EXTRACT, state__in=ACTIVE_STATES, image__in=ids).exists():
        one = "This image is" if len(images) == 1 else "One of these images is"
        raise Conflict(f"{one} being extracted.", hint="Wait for that job to end, or cancel it.")


def remove_rows(images: Sequence[Image]) -> list[str]:
    """Remove images that nothing uses; their tags point at nothing then.

    The caller holds the recorders' turn. What no project has any more is to leave the store's lists.

    Returns:
        The digests that no project has any more.
    """
    _point_at_nothing(images)
    Image.objects.filter(pk__in=[image.pk for image in images]).delete()
    for project in {image.project for image in images}:
        shrink(project, [image.chain_id for image in images if image.project_id == project.pk])
    drop_empty({image.index_id for image in images if image.index_id is not None})
    digests = {image.digest for image in images}
    gone = sorted(digests - still_there(digests))
    RemovedManifest.objects.bulk_create(
        [RemovedManifest(digest=digest) for digest in gone], ignore_conflicts=True
    )
    return gone


def still_there(digests: Iterable[str]) -> set[str]:
    """Return those of ``digests`` that an image of any project has."""
    return set(Image.objects.filter(digest__in=list(digests)).order_by().values_list("digest", flat=True))


def _listed(names: Sequence[str], count: int) -> str:
    if count == 1:
        return f"The container {names[0]} stands on"
    shown = names[:_NAMED_AT_MOST]
    if count > len(shown):
        return f"The containers {', '.join(shown)} and {count - len(shown)} more stand on"
    return f"The containers {', '.join(shown[:-1])} and {shown[-1]} stand on"


def _point_at_nothing(images: Sequence[Image]) -> None:
    digests = {image.pk: image.digest for image in images}
    moment = now()
    tags = list(Tag.objects.select_for_update().filter(image__in=digests))
    TagMovement.objects.bulk_create(
        [
            TagMovement(tag=tag, from_digest=digests[tag.image_id or 0], to_digest="", moved_at=moment)
            for tag in tags
        ]
    )
    Tag.objects.filter(pk__in=[tag.pk for tag in tags]).update(image=None, moved_at=moment)

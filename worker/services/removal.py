"""Images that nobody needs any more."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.utils.timezone import now

from worker.engine.errors import Conflict, NotFound
from worker.models import ACTIVE_STATES, Container, Image, JobKind, RemovedManifest, Role, Tag, TagMovement
from worker.models.indexing import drop_empty
from worker.models.recording import take_turn
from worker.progress import announce
from worker.services.access import require
from worker.tasks.dispatch import ask_to_forget

_NAMED_AT_MOST = 5


def remove_image(image: Image, *, every_platform: bool = False, by: User | None) -> None:
    """Remove an image from its project. The next collection frees the disk of what nothing else has.

    Tags that point at it stay, pointing at nothing, with the record of their movements; a later pull lets
    them point again. Images that stand on it keep their layers, and so do other projects that have it.

    Args:
        every_platform: Also what the same index has for other platforms.

    Raises:
        NotAllowed: ``by`` is not an operator of the project.
        NotFound: it is gone already.
        Conflict: containers stand on it, or it is being extracted.
    """
    require(by, image.project, Role.OPERATOR)
    with transaction.atomic():
        take_turn()
        wanted = Q(pk=image.pk)
        if every_platform and image.index_id is not None:
            wanted |= Q(index=image.index_id)
        found = list(Image.objects.select_for_update().filter(wanted).order_by("pk"))
        if image.pk not in {one.pk for one in found}:
            raise NotFound("There is no such image any more.")
        for one in found:
            _require_unused(one)
        for one in found:
            _remove(one)
        transaction.on_commit(ask_to_forget)
        drop_empty({one.index_id for one in found if one.index_id is not None})
    for topic in ("images", "storage"):
        announce(image.project_id, topic)


def _remove(image: Image) -> None:
    _point_at_nothing(list(image.tags.select_for_update()), image)
    image.delete()
    if not Image.objects.filter(digest=image.digest).exists():
        RemovedManifest.objects.get_or_create(digest=image.digest)


def _require_unused(image: Image) -> None:
    containers = Container.objects.filter(image=image).order_by("name").values_list("name", flat=True)
    if names := list(containers[: _NAMED_AT_MOST + 1]):
        count = len(names) if len(names) <= _NAMED_AT_MOST else containers.count()
        raise Conflict(
            f"{_listed(names, count)} this image.",
            hint="Remove the container first." if count == 1 else "Remove the containers first.",
        )
    if image.jobs.filter(kind=JobKind.EXTRACT, state__in=ACTIVE_STATES).exists():
        raise Conflict("This image is being extracted.", hint="Wait for that job to end, or cancel it.")


def _listed(names: Sequence[str], count: int) -> str:
    if count == 1:
        return f"The container {names[0]} stands on"
    shown = names[:_NAMED_AT_MOST]
    if count > len(shown):
        return f"The containers {', '.join(shown)} and {count - len(shown)} more stand on"
    return f"The containers {', '.join(shown[:-1])} and {shown[-1]} stand on"


def _point_at_nothing(tags: Sequence[Tag], image: Image) -> None:
    moment = now()
    TagMovement.objects.bulk_create(
        [TagMovement(tag=tag, from_digest=image.digest, to_digest="", moved_at=moment) for tag in tags]
    )
    Tag.objects.filter(pk__in=[tag.pk for tag in tags]).update(image=None, moved_at=moment)

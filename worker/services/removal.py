"""Images that nobody needs any more."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q

from worker.engine.errors import Conflict, NotFound
from worker.models import ACTIVE_STATES, Image, Job, JobKind, Role
from worker.models.recording import take_turn
from worker.models.removing import remove_rows, require_unused
from worker.progress import announce
from worker.services.access import creator, require
from worker.services.foreseeing import what_would_go
from worker.services.going import WhatWouldGo
from worker.tasks.dispatch import ask_to_forget, submit
from worker.tasks.slots import require_apart


def remove_images(images: Iterable[Image], *, mark: str | None = None, by: User | None) -> Job:
    """Queue the removal of images of one project: all or none, with all that only they need of the store.

    Tags that point at them stay, pointing at nothing, with the record of their movements; a later pull lets
    them point again. What other images, containers or running pulls need stays.

    Args:
        mark: Of what was shown to whoever decided (:class:`WhatWouldGo`); None if nothing was.

    Raises:
        NotAllowed: ``by`` is not an operator of the project.
        InvalidInput: none, too many, or of several projects.
        Conflict: containers stand on one, one is being extracted or removed already, the catalog is being
            rebuilt, or it would mean something else by now than what was shown.
        StoreError: a list of the store is damaged, or the disk refuses.
    """
    foreseen = what_would_go(images, by=by)
    require_unused(foreseen.images)
    if mark is not None and mark != foreseen.mark:
        raise Conflict(
            "Something has changed since this was looked at; nothing was removed.",
            hint="Look at what would go now, and confirm that.",
        )
    arguments = removal_arguments(foreseen)
    with transaction.atomic():
        require_apart(JobKind.REMOVE)
        _require_not_leaving(foreseen)
        return submit(
            foreseen.project,
            JobKind.REMOVE,
            reference=title_of_removal(foreseen.images),
            arguments=arguments,
            created_by=creator(by),
        )


def removal_arguments(foreseen: WhatWouldGo) -> dict[str, object]:
    """What a job that removes these images is given."""
    return {
        "images": [{"id": image.pk, "digest": image.digest} for image in foreseen.images],
        "foreseen": None if foreseen.unmeasured else foreseen.freed,
    }


def title_of_removal(images: Sequence[Image]) -> str:
    """Say in a few words what such a job does."""
    if len(images) > 1:
        return f"Remove {len(images):,} images"
    (image,) = images
    return f"Remove {image.called}"


def _require_not_leaving(foreseen: WhatWouldGo) -> None:
    ids = {image.pk for image in foreseen.images}
    active = Job.objects.filter(project=foreseen.project, kind=JobKind.REMOVE, state__in=ACTIVE_STATES)
    for job in active:
        if not ids.isdisjoint(one["id"] for one in job.arguments["images"]):
            what = "This image is" if len(ids) == 1 else "Some of these images are"
            raise Conflict(f"{what} being removed already (job {job.pk}).", hint="Look at that job.")


def remove_image(image: Image, *, every_platform: bool = False, by: User | None) -> None:
    """Remove an image from its project. The next collection frees the disk of what nothing else has.

    Tags that point at it stay, as :func:`remove_images` says. Images that stand on it keep their layers, and
    so do other projects that have it.

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
        found = list(Image.objects.select_for_update().filter(wanted).defer("config").order_by("pk"))
        if image.pk not in {one.pk for one in found}:
            raise NotFound("There is no such image any more.")
        require_unused(found)
        remove_rows(found)
        transaction.on_commit(ask_to_forget)
    for topic in ("images", "storage"):
        announce(image.project_id, topic)

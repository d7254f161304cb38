"""Images that nobody needs any more."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q

from worker.engine.errors import NotFound
from worker.models import Image, Role
from worker.models.recording import take_turn
from worker.models.removing import remove_rows, require_unused
from worker.progress import announce
from worker.services.access import require
from worker.tasks.dispatch import ask_to_forget


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
        found = list(Image.objects.select_for_update().filter(wanted).defer("config").order_by("pk"))
        if image.pk not in {one.pk for one in found}:
            raise NotFound("There is no such image any more.")
        require_unused(found)
        remove_rows(found)
        transaction.on_commit(ask_to_forget)
    for topic in ("images", "storage"):
        announce(image.project_id, topic)

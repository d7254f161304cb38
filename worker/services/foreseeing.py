"""What removing images would free, before anybody does it: exact, and without a walk through the store."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from django.conf import settings
from django.contrib.auth.models import User

from worker.engine.errors import InvalidInput, NotFound
from worker.engine.store import Store
from worker.models import (
    Image,
    Project,
    Role,
)
from worker.services.access import require
from worker.services.foresight import Foresight
from worker.services.going import WhatWouldGo
from worker.tasks.dispatch import ask_to_weigh

MOST_IMAGES = 500
"""So many images can be removed at once."""


def what_would_go(images: Iterable[Image], *, by: User | None) -> WhatWouldGo:
    """Return what removing ``images``, of one project, would free, and what of them stays, because of whom.

    Raises:
        NotAllowed: ``by`` is not an operator of the project.
        InvalidInput: none, too many, or of several projects.
        StoreError: a list of the store is damaged, or the disk refuses.
    """
    chosen = sorted({image.pk: image for image in images}.values(), key=lambda image: image.pk)
    if len({image.project_id for image in chosen}) != 1:
        raise InvalidInput("Choose images of one project." if chosen else "No image was chosen.")
    if len(chosen) > MOST_IMAGES:
        raise InvalidInput(
            f"At most {MOST_IMAGES:,} images can be removed at once; these are {len(chosen):,}.",
            hint="Choose fewer, and the others afterwards.",
        )
    require(by, chosen[0].project, Role.OPERATOR)
    foreseen = Foresight(Store(settings.STORE_DIR), chosen).tell()
    if foreseen.unmeasured:
        ask_to_weigh()
    return foreseen


def chosen_images(project: Project, ids: Collection[int]) -> list[Image]:
    """Return the project's images with these ids.

    Raises:
        NotFound: one of them is not there.
    """
    found = list(Image.objects.filter(project=project, pk__in=ids).defer("config").select_related("project"))
    if missing := len(set(ids)) - len(found):
        what = "One of these images is" if missing == 1 else f"{missing:,} of these images are"
        raise NotFound(f"{what} not in this project.", hint="Choose again from the list of images.")
    return found

"""Have the file index of a layer made anew."""

from __future__ import annotations

from django.contrib.auth.models import User

from worker.engine.errors import NotFound, StoreError
from worker.models import Image, Membership
from worker.progress.mending import Mending, begin_mending, end_mending
from worker.tasks.dispatch import ask_to_mend


def mend_index(diff_id: str, *, by: User | None) -> Mending:
    """Ask a worker to make a layer's file index anew, unless it is at it, or tried in vain just now.

    It is made from the layer's blob, or else its tree, and adds nothing that was not there: so whoever may
    see the layer may ask. Its end is announced to the projects that have the layer.

    Returns:
        How it stands.

    Raises:
        NotFound: ``by`` is a member of no project that has an image with this layer.
    """
    _require_sight(diff_id, by)
    known = begin_mending(diff_id)
    if known is not None:
        return known
    if not ask_to_mend(diff_id):
        error = StoreError(
            "The file index cannot be made anew now: no worker can be reached.",
            hint="Try again when Redis and a worker run.",
        )
        end_mending(diff_id, None)
        return Mending(False, error.message, error.hint)
    return Mending(under_way=True)


def _require_sight(diff_id: str, by: User | None) -> None:
    images = Image.objects.filter(layers__diff_id=diff_id)
    if by is not None and not (by.is_active and by.is_superuser):
        mine = Membership.objects.filter(user=by if by.is_active else None).values("project")
        images = images.filter(project__in=mine)
    if not images.exists():
        raise NotFound("There is no such layer in your projects.")

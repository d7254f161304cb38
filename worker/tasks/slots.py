"""Jobs that exclude each other: a slot has one active job, which the database sees to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.timezone import now

from worker.engine.errors import Conflict
from worker.models import ACTIVE_STATES, Job, JobKind, JobState
from worker.models.job import PREVIEW_SLOT, SCRUB_SLOT, STORE_SLOT
from worker.models.recording import take_turn

_DOING = {
    JobKind.COLLECT: "Garbage is being collected",
    JobKind.SCRUB: "A scrub is running",
    JobKind.REBUILD: "The catalog is being rebuilt",
    JobKind.REMOVE: "Images are being removed",
}
_APART = {JobKind.REBUILD: JobKind.REMOVE, JobKind.REMOVE: JobKind.REBUILD}


def slot_of(kind: JobKind, arguments: dict[str, bool]) -> str:
    """Return the slot of a job that keeps the store in order.

    One at a time may collect, repair or rebuild. What only reads goes on beside them, once of each kind.
    """
    if kind is JobKind.COLLECT and arguments.get("dry_run"):
        return PREVIEW_SLOT
    if kind is JobKind.SCRUB and not arguments.get("repair"):
        return SCRUB_SLOT
    return STORE_SLOT


def title_of(kind: JobKind, arguments: dict[str, bool]) -> str:
    """Say in a few words what such a job does."""
    if kind is JobKind.COLLECT:
        return "Look for garbage" if arguments.get("dry_run") else "Collect garbage"
    if kind is JobKind.SCRUB:
        return "Scrub and repair the store" if arguments.get("repair") else "Scrub the store"
    return "Rebuild the catalog"


def require_apart(kind: JobKind) -> None:
    """See that no removal of images and no rebuild go on at once: what goes must not come back meanwhile.

    Call it within the transaction that makes the job.

    Raises:
        Conflict: there is an active job of the other kind.
    """
    if (other := _APART.get(kind)) is None:
        return
    take_turn()
    dead = Q(state=JobState.RUNNING, heartbeat_at__lt=now() - timedelta(seconds=settings.STALE_SECONDS))
    if Job.objects.filter(kind=other, state__in=ACTIVE_STATES).exclude(dead).exists():
        raise Conflict(f"{_DOING[other]} just now.", hint="Wait for that to end, and try again.")


def take_slot(slot: str, make: Callable[[], Job], kind: JobKind) -> Job:
    """Return what ``make`` makes, a job of ``kind`` in ``slot``.

    Raises:
        Conflict: another job that has not ended is in it, or may not go on beside this one.
    """
    try:
        with transaction.atomic():
            require_apart(kind)
            return make()
    except IntegrityError as error:
        holder = Job.objects.filter(slot=slot, state__in=ACTIVE_STATES).first()
        if holder is None:
            raise Conflict("Another job of this kind has just ended.", hint="Try again.") from error
        raise Conflict(
            f"{_DOING[JobKind(holder.kind)]} already (job {holder.pk}, {holder.state}).",
            hint="Wait for it to end, or cancel it.",
        ) from error


def free_slot(slot: str) -> None:
    """Give up on a job in ``slot`` whose program died, for where no worker would take it up again."""
    limit = now() - timedelta(seconds=settings.STALE_SECONDS)
    Job.objects.filter(slot=slot, state=JobState.RUNNING, heartbeat_at__lt=limit).update(
        state=JobState.FAILED,
        finished_at=now(),
        error_code="worker_lost",
        error_message="The program that ran this job was ended before it was done.",
        error_hint="Run it again.",
    )

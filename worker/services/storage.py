"""Keep the store in order: collect garbage, scrub, rebuild the catalog, measure the disk use.

The store belongs to the whole install, so only its administrators may start such work. Its jobs belong to the
project in which they were started.
"""

from __future__ import annotations

from datetime import timedelta

from django.contrib.auth.models import User
from django.db.models import F, Q
from django.utils.timezone import now

from worker.models import STORAGE_KINDS, Job, JobKind, Project, StoreSurvey
from worker.models.job import PREVIEW_SLOT
from worker.services.access import creator, require_install_admin
from worker.tasks.dispatch import ask_to_measure, submit
from worker.tasks.slots import slot_of, take_slot, title_of

_KEPT = timedelta(minutes=15)
_PATIENCE = timedelta(minutes=2)


def start_preview(project: Project, *, by: User | None) -> Job:
    """Queue a look at what a collection would remove; it removes nothing.

    Raises:
        NotAllowed: ``by`` does not administer this install.
        Conflict: somebody looks already.
    """
    return _start(project, JobKind.COLLECT, {"dry_run": True}, by)


def start_collect(project: Project, *, by: User | None) -> Job:
    """Queue the removal of everything that no image, container or running pull needs.

    Raises:
        NotAllowed: ``by`` does not administer this install.
        Conflict: the store is being collected, repaired, or the catalog rebuilt.
    """
    return _start(project, JobKind.COLLECT, {"dry_run": False}, by)


def start_scrub(project: Project, *, repair: bool, by: User | None) -> Job:
    """Queue a comparison of everything in the store with what it should be.

    Args:
        repair: Extract or download again what is damaged.

    Raises:
        NotAllowed: ``by`` does not administer this install.
        Conflict: the store is being scrubbed; with ``repair``, also collected, or the catalog rebuilt.
    """
    return _start(project, JobKind.SCRUB, {"repair": repair}, by)


def start_rebuild(project: Project, *, by: User | None) -> Job:
    """Queue the return of what the store has and the catalog lacks, into ``project``.

    Raises:
        NotAllowed: ``by`` does not administer this install.
        Conflict: the catalog is being rebuilt, or the store collected or repaired.
    """
    return _start(project, JobKind.REBUILD, {}, by)


def repeat(job: Job, *, by: User | None) -> Job:
    """Start the same work on the store again, as a new job; raises as the function that started it."""
    return _start(job.project, JobKind(job.kind), job.arguments, by)


def measure_storage(*, by: User | None) -> bool:
    """Ask for a fresh measurement of the disk use; False if one is under way.

    Raises:
        NotAllowed: ``by`` does not administer this install.
    """
    require_install_admin(by)
    return _ask()


def refresh_storage() -> StoreSurvey:
    """Return the last measurement; ask for a fresh one if it is old, or the store has been changed since."""
    survey, _ = StoreSurvey.objects.get_or_create(pk=1)
    if _is_outdated(survey) and _ask():
        survey.refresh_from_db()
    return survey


def is_measured_now(survey: StoreSurvey) -> bool:
    """Whether a measurement was asked for and has not come yet, within reasonable time."""
    if survey.asked_at is None or survey.asked_at < now() - _PATIENCE:
        return False
    return survey.measured_at is None or survey.measured_at < survey.asked_at


def _is_outdated(survey: StoreSurvey) -> bool:
    if survey.measured_at is None or survey.measured_at < now() - _KEPT:
        return True
    changed = Job.objects.filter(kind__in=STORAGE_KINDS, finished_at__gt=survey.measured_at)
    return changed.exclude(slot=PREVIEW_SLOT).exists()


def _ask() -> bool:
    """Send for a measurement unless one was sent for lately; of two that ask at once, one does."""
    StoreSurvey.objects.get_or_create(pk=1)
    idle = Q(asked_at=None) | Q(asked_at__lte=F("measured_at")) | Q(asked_at__lt=now() - _PATIENCE)
    if not StoreSurvey.objects.filter(idle, pk=1).update(asked_at=now()):
        return False
    if not ask_to_measure():
        StoreSurvey.objects.filter(pk=1).update(asked_at=None)
        return False
    return True


def _start(project: Project, kind: JobKind, arguments: dict[str, bool], by: User | None) -> Job:
    require_install_admin(by)
    slot = slot_of(kind, arguments)
    return take_slot(
        slot,
        lambda: submit(
            project,
            kind,
            reference=title_of(kind, arguments),
            arguments=arguments,
            slot=slot,
            created_by=creator(by),
        ),
        kind,
    )

"""Schedules that are due become pulls: each time once, however many look at the same moment."""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import transaction
from django.utils.timezone import now

from worker.engine.errors import InvalidInput, StrataError
from worker.engine.oci import Reference
from worker.models import ACTIVE_STATES, Project, RateLimit, Registry, Schedule
from worker.models.cron import next_run
from worker.models.limits import require_allowed, require_quota
from worker.progress import announce
from worker.tasks.dispatch import submit_pull_of

logger = logging.getLogger(__name__)


def run_due(moment: datetime | None = None) -> int:
    """Start what is due at ``moment`` (now); return how many pulls were started.

    The next time is reckoned from now, so times that were missed (nothing ran) are made up for by one run.
    """
    moment = moment or now()
    due = Schedule.objects.filter(enabled=True, next_run_at__lte=moment).select_related(
        "project", "created_by"
    )
    started = 0
    for schedule in due:
        try:
            following = next_run(schedule.cron, schedule.timezone, moment)
        except InvalidInput as error:
            # The line was fine when it was saved: a time zone may have left the system since.
            _switch_off(schedule, error)
            continue
        # The claim and the job stand or fall together: no run is lost between them.
        with transaction.atomic():
            claimed = Schedule.objects.filter(
                pk=schedule.pk, enabled=True, next_run_at=schedule.next_run_at
            ).update(next_run_at=following)
            if not claimed:
                continue
            started += _start(schedule, moment)
        announce(schedule.project_id, "schedules")
    return started


def _start(schedule: Schedule, moment: datetime) -> bool:
    note = _reason_not_to(schedule)
    row = Schedule.objects.filter(pk=schedule.pk)
    if note:
        row.update(note=note)
        logger.info("schedule %s passed without a pull: %s", schedule, note)
        return False
    row.update(note="", last_run_at=moment)
    submit_pull_of(schedule)
    return True


def _reason_not_to(schedule: Schedule) -> str:
    if schedule.jobs.filter(state__in=ACTIVE_STATES).exists():
        return "Skipped: the pull before had not ended yet."
    try:
        host = Reference.parse(schedule.reference).registry
        require_allowed(host)
        require_quota(schedule.project)
    except StrataError as error:
        return f"Skipped: {error.message}"
    return _held_back(schedule.project, host)


def _held_back(project: Project, host: str) -> str:
    """Why a scheduled pull would take the last ones that a registry grants; empty if it would not."""
    if Registry.objects.filter(project=project, host=host).exclude(mirrors=[]).exists():
        return ""  # most of it comes from elsewhere; the pull itself looks before it asks the registry
    held = RateLimit.objects.held_until(project, host)
    if held is None:
        return ""
    limit, until = held
    left = f"{limit.remaining} of {limit.limit} pulls" if limit.remaining else "no pulls"
    return f"Held back until {until:%H:%M} UTC: {host} has {left} left, and those are for people."


def _switch_off(schedule: Schedule, error: StrataError) -> None:
    Schedule.objects.filter(pk=schedule.pk).update(
        enabled=False, next_run_at=None, note=f"Switched off: {error.message}"
    )
    announce(schedule.project_id, "schedules")

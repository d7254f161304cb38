"""Schedules: pulls that start by themselves."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib.auth.models import User
from django.utils.timezone import now

from worker.engine.errors import Conflict
from worker.engine.oci import Reference
from worker.models import ACTIVE_STATES, Job, Project, Role, Schedule
from worker.models.cron import next_run
from worker.models.limits import require_allowed
from worker.models.platforms import write_platforms
from worker.progress import announce
from worker.services.access import creator, require
from worker.services.pulls import start_pull


def save_schedule(
    project: Project,
    *,
    reference: str,
    platform: str,
    platforms: Sequence[str] = (),
    insecure: bool,
    cron: str,
    timezone: str,
    by: User | None,
    enabled: bool = True,
    schedule: Schedule | None = None,
) -> Schedule:
    """Add a schedule, or change ``schedule``.

    ``platform`` may name several, separated by commas, or be ``all``; so may ``platforms``.

    Raises:
        NotAllowed: ``by`` is not an operator, or the registry is not on the allow-list.
        InvalidInput: the reference, platform, cron line or time zone cannot be meant.
    """
    require(by, project, Role.OPERATOR)
    parsed = Reference.parse(reference)
    require_allowed(parsed.registry)
    row = schedule or Schedule(project=project, created_by=creator(by))
    row.reference = str(parsed)
    row.platform = write_platforms([platform, *platforms])
    row.insecure = insecure
    row.cron = " ".join(cron.split())
    row.timezone = timezone
    row.enabled = enabled
    # Computed for one that is off as well: a line that never comes due is refused at once.
    due = next_run(row.cron, row.timezone, now())
    row.next_run_at, row.note = (due if enabled else None), ""
    row.save()
    announce(project.pk, "schedules")
    return row


def switch_schedule(schedule: Schedule, enabled: bool, *, by: User | None) -> Schedule:
    """Turn a schedule on or off; times missed while it was off are not made up for. Raises NotAllowed."""
    require(by, schedule.project, Role.OPERATOR)
    schedule.enabled = enabled
    schedule.next_run_at = next_run(schedule.cron, schedule.timezone, now()) if enabled else None
    schedule.note = ""
    schedule.save(update_fields=["enabled", "next_run_at", "note"])
    announce(schedule.project_id, "schedules")
    return schedule


def run_schedule_now(schedule: Schedule, *, by: User | None) -> Job:
    """Start the schedule's pull out of turn.

    Raises:
        NotAllowed: ``by`` is not an operator of the project.
        Conflict: its last pull has not ended yet, or the quota is used up.
    """
    require(by, schedule.project, Role.OPERATOR)
    if schedule.jobs.filter(state__in=ACTIVE_STATES).exists():
        raise Conflict("The last pull of this schedule has not ended yet.", hint="Wait for it, or cancel it.")
    job = start_pull(
        schedule.project,
        schedule.reference,
        platform=schedule.platform,
        insecure=True if schedule.insecure else None,
        by=by,
        schedule=schedule,
    )
    Schedule.objects.filter(pk=schedule.pk).update(last_run_at=now())
    announce(schedule.project_id, "schedules")
    return job


def delete_schedule(schedule: Schedule, *, by: User | None) -> None:
    """Remove a schedule; its jobs and images stay. Raises NotAllowed."""
    require(by, schedule.project, Role.OPERATOR)
    project_id = schedule.project_id
    schedule.delete()
    announce(project_id, "schedules")

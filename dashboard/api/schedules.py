"""Schedules."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Router
from ninja.responses import Status

from dashboard.api.auth import caller
from dashboard.api.paging import Cursor, Limit, newest_first
from dashboard.api.schemas.common import Page
from dashboard.api.schemas.jobs import JobOut
from dashboard.api.schemas.schedules import ScheduleChange, ScheduleIn, ScheduleOut
from dashboard.api.scope import find, project_for
from worker import services
from worker.models import Schedule
from worker.progress import latest

router = Router(tags=["schedules"])


@router.get("schedules", response=Page[ScheduleOut], summary="List schedules, the newest first")
def schedules(
    request: HttpRequest,
    project: str | None = None,
    enabled: bool | None = None,
    cursor: Cursor = "",
    limit: Limit = 50,
) -> Page[ScheduleOut]:
    """Members."""
    rows = Schedule.objects.filter(project=project_for(caller(request), project)).select_related("project")
    if enabled is not None:
        rows = rows.filter(enabled=enabled)
    return newest_first(rows, "created_at", cursor, limit, ScheduleOut.of)


@router.post("schedules", response={201: ScheduleOut}, summary="Add a schedule")
def add(request: HttpRequest, given: ScheduleIn) -> Status[ScheduleOut]:
    """Operators."""
    user = caller(request)
    fields = given.dict(exclude={"project"}) | {"platform": given.platform or ""}
    return Status(
        201, ScheduleOut.of(services.save_schedule(project_for(user, given.project), **fields, by=user))
    )


@router.get("schedules/{int:id}", response=ScheduleOut, summary="A schedule")
def schedule(request: HttpRequest, id: int) -> ScheduleOut:
    """Members."""
    return ScheduleOut.of(_schedule(request, id))


@router.patch("schedules/{int:id}", response=ScheduleOut, summary="Change a schedule, or switch it on or off")
def change(request: HttpRequest, id: int, given: ScheduleChange) -> ScheduleOut:
    """Operators."""
    row = _schedule(request, id)
    wanted = {name: getattr(row, name) for name in ScheduleChange.model_fields if name != "platforms"}
    changes = given.dict(exclude_none=True)
    if "platforms" in changes:
        wanted["platform"] = ""
    wanted |= changes
    return ScheduleOut.of(services.save_schedule(row.project, **wanted, by=caller(request), schedule=row))


@router.delete("schedules/{int:id}", response={204: None}, summary="Remove a schedule")
def remove(request: HttpRequest, id: int) -> Status[None]:
    """Operators. Its jobs and images stay."""
    services.delete_schedule(_schedule(request, id), by=caller(request))
    return Status(204, None)


@router.post("schedules/{int:id}/run", response={202: JobOut}, summary="Run a schedule now")
def run(request: HttpRequest, id: int) -> Status[JobOut]:
    """Operators."""
    job = services.run_schedule_now(_schedule(request, id), by=caller(request))
    return Status(202, JobOut.of(job, latest(job)))


def _schedule(request: HttpRequest, id: int) -> Schedule:
    return find(Schedule.objects.select_related("project"), caller(request), id, "schedule")

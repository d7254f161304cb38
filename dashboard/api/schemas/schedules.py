"""Schedules."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from ninja import Field, Schema

from dashboard.api.schemas.common import Input, ProjectSlug
from worker.models import Schedule

PlatformName = Annotated[str, Field(max_length=152)]


class ScheduleIn(Input):
    """A pull that starts by itself. ``cron`` has five fields, ``timezone`` is an IANA name.

    ``platforms``: several of an index's images, pulled as one; or only `all`. They come besides ``platform``.
    """

    reference: str = Field(min_length=1, max_length=512, examples=["debian:bookworm"])
    platform: str | None = Field(None, max_length=152)
    platforms: list[PlatformName] = Field([], max_length=50)
    insecure: bool = False
    cron: str = Field(min_length=1, max_length=100, examples=["0 4 * * *"])
    timezone: str = Field("UTC", max_length=64)
    enabled: bool = True
    project: ProjectSlug = None


class ScheduleChange(Input):
    """What to change; an absent field stays. ``platforms`` replaces ``platform``, unless both are given."""

    reference: str | None = Field(None, min_length=1, max_length=512)
    platform: str | None = Field(None, max_length=152)
    platforms: list[PlatformName] | None = Field(None, max_length=50)
    insecure: bool | None = None
    cron: str | None = Field(None, min_length=1, max_length=100)
    timezone: str | None = Field(None, max_length=64)
    enabled: bool | None = None


class ScheduleOut(Schema):
    """A schedule. ``next_run_at`` is null while it is off.

    ``platforms`` are those asked for, perhaps `all`; none is this machine's. ``platform``: in one line.
    """

    id: int
    project: str
    reference: str
    platform: str
    platforms: list[str]
    insecure: bool
    cron: str
    timezone: str
    enabled: bool
    next_run_at: datetime | None
    last_run_at: datetime | None
    created_at: datetime

    @classmethod
    def of(cls, schedule: Schedule) -> ScheduleOut:
        """Return ``schedule``; its project should be loaded already."""
        return cls(
            id=schedule.pk,
            project=schedule.project.slug,
            reference=schedule.reference,
            platform=schedule.platform,
            platforms=schedule.platform.split(",") if schedule.platform else [],
            insecure=schedule.insecure,
            cron=schedule.cron,
            timezone=schedule.timezone,
            enabled=schedule.enabled,
            next_run_at=schedule.next_run_at,
            last_run_at=schedule.last_run_at,
            created_at=schedule.created_at,
        )

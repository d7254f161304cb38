"""What registries said of their own rate limits."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.utils.timezone import now

from worker.models.project import Project

SCHEDULED_RESERVE = 0.1
"""The part of a registry's rate limit that scheduled pulls leave to people."""

_LOOK_AGAIN = timedelta(minutes=15)
"""After that what was seen says little: a window slides, and others pull, too."""


class RateLimits(models.Manager["RateLimit"]):
    def note(self, project: Project, host: str, **seen: Any) -> None:
        """Keep what a registry said just now; it replaces what it said before."""
        self.update_or_create(project=project, host=host, defaults={**seen, "seen_at": now()})

    def held_until(self, project: Project, host: str) -> tuple[RateLimit, datetime] | None:
        """Return the limit because of which scheduled pulls from ``host`` wait, and until when."""
        row = self.filter(project=project, host=host).first()
        if row is None or row.spare > 0:
            return None
        until = row.seen_at + min(_LOOK_AGAIN, timedelta(seconds=row.wait or _LOOK_AGAIN.total_seconds()))
        return (row, until) if until > now() else None


class RateLimit(models.Model):
    """How many pulls one registry host still grants to one project's credentials, when it last said so.

    A row of its own, since Docker Hub counts also those who are nobody there, and need no Registry row.

    Attributes:
        limit: pulls within the window.
        remaining: how many of them were left.
        window: in seconds; 0 if it was not said.
        source: who is counted, in the registry's words: an address or an account; may be empty.
        wait: seconds after ``seen_at`` when there are certainly more; 0 if that is not known.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="rate_limits")
    host = models.CharField(max_length=255)
    limit = models.PositiveIntegerField()
    remaining = models.PositiveIntegerField()
    window = models.PositiveIntegerField(default=0)
    source = models.CharField(max_length=100, blank=True, default="")
    wait = models.PositiveIntegerField(default=0)
    seen_at = models.DateTimeField()

    objects = RateLimits()

    class Meta:
        ordering = ["host", "id"]
        constraints = [
            models.UniqueConstraint(fields=["project", "host"], name="rate_limit_once_per_project")
        ]

    def __str__(self) -> str:
        return f"{self.host}: {self.remaining} of {self.limit}"

    @property
    def spare(self) -> int:
        """How many scheduled pulls may use."""
        return max(0, self.remaining - math.ceil(self.limit * SCHEDULED_RESERVE))

    @property
    def full_at(self) -> datetime | None:
        """When all of them are there again at the latest, if nothing more is pulled; None if not known."""
        return self.seen_at + timedelta(seconds=self.wait) if self.wait else None

    @property
    def outdated(self) -> bool:
        """Whether it says nothing any more."""
        return self.full_at is not None and self.full_at <= now()

"""Schedules: pulls that start by themselves."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from worker.models.project import Project


class Schedule(models.Model):
    """Pull one reference whenever a cron line says so. A schedule is a row; any number of beats may run.

    Attributes:
        cron: five fields, as crontab(5).
        timezone: IANA name in which ``cron`` is meant.
        next_run_at: when it is due; None while it is off. Claimed by a conditional UPDATE.
        note: why the last time passed without a pull; empty if it did not.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="schedules")
    reference = models.CharField(max_length=800)
    platform = models.CharField(max_length=152, blank=True, default="")
    insecure = models.BooleanField(default=False)
    cron = models.CharField(max_length=100)
    timezone = models.CharField(max_length=64, default="UTC")
    enabled = models.BooleanField(default=True)
    next_run_at = models.DateTimeField(null=True, blank=True, db_index=True)
    last_run_at = models.DateTimeField(null=True, blank=True)
    note = models.TextField(blank=True, default="")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["reference", "id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(enabled=False) | models.Q(next_run_at__isnull=False),
                name="schedule_on_has_next_run",
            )
        ]

    def __str__(self) -> str:
        return f"{self.reference} at {self.cron}"

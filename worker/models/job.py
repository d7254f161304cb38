"""Jobs: the row is the truth about a piece of background work."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models

from worker.models.container import Container
from worker.models.image import Image
from worker.models.project import Project
from worker.models.schedule import Schedule


class JobKind(models.TextChoices):
    """Each kind has a Celery queue of its own name."""

    PULL = "pull"
    EXTRACT = "extract"
    CONTAINER = "container"


class JobState(models.TextChoices):
    """queued -> running -> succeeded | failed | cancelled.

    A queued job may be cancelled directly. A running job whose worker died goes back to queued.
    """

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


ACTIVE_STATES = (JobState.QUEUED, JobState.RUNNING)
FINAL_STATES = (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)


class Job(models.Model):
    """One piece of background work.

    Attributes:
        reference: what a pull pulls, as written in full; for other kinds, the image's or container's name.
        arguments: what the task needs besides: pull {insecure, fetch_only}, container {action}.
        attempt: grows with each claim; a worker writes only while the row still carries its own attempt.
        heartbeat_at: the running worker's last sign of life.
        progress: the last snapshot (see worker.progress); the live one is in Redis.
        result: facts about the outcome, e.g. {"unchanged": true}.
        image: for a pull, the image it brought; for extract, the image it works on.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="jobs")
    kind = models.CharField(max_length=12, choices=JobKind.choices)
    state = models.CharField(max_length=10, choices=JobState.choices, default=JobState.QUEUED)
    reference = models.CharField(max_length=512)
    platform = models.CharField(max_length=152, blank=True, default="")
    arguments: models.JSONField[Any, Any] = models.JSONField(default=dict, blank=True)
    image = models.ForeignKey(Image, on_delete=models.SET_NULL, null=True, blank=True, related_name="jobs")
    container = models.ForeignKey(
        Container, on_delete=models.SET_NULL, null=True, blank=True, related_name="jobs"
    )
    schedule = models.ForeignKey(Schedule, on_delete=models.SET_NULL, null=True, blank=True, related_name="jobs")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    attempt = models.PositiveIntegerField(default=0)
    error_code = models.CharField(max_length=50, blank=True, default="")
    error_message = models.TextField(blank=True, default="")
    error_hint = models.TextField(blank=True, default="")
    progress: models.JSONField[Any, Any] = models.JSONField(default=dict, blank=True)
    result: models.JSONField[Any, Any] = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(condition=models.Q(state__in=JobState.values), name="job_state_known"),
            models.CheckConstraint(condition=models.Q(kind__in=JobKind.values), name="job_kind_known"),
            models.CheckConstraint(
                condition=~models.Q(state=JobState.FAILED) | ~models.Q(error_code=""),
                name="job_failed_says_why",
            ),
        ]
        indexes = [
            models.Index(fields=["project", "-created_at", "-id"], name="job_by_time"),
            models.Index(fields=["state", "heartbeat_at"], name="job_by_state"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.reference} ({self.state})"

    @property
    def is_active(self) -> bool:
        return self.state in ACTIVE_STATES

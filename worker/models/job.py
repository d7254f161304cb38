"""Jobs: the row is the truth about a piece of background work."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models.functions import Coalesce
from django.utils import timezone

from worker.models.container import Container
from worker.models.image import Image
from worker.models.project import Project
from worker.models.schedule import Schedule


class JobKind(models.TextChoices):
    """What there is to do. Collect, scrub and rebuild keep the whole store in order, for all projects.

    Remove removes images of one project, and what only they need from the store.
    """

    PULL = "pull"
    EXTRACT = "extract"
    CONTAINER = "container"
    COLLECT = "collect"
    SCRUB = "scrub"
    REBUILD = "rebuild"
    REMOVE = "remove"


INSTALL_KINDS = (JobKind.COLLECT, JobKind.SCRUB, JobKind.REBUILD)
"""What concerns all projects, and so is for administrators of the install."""
STORAGE_KINDS = (*INSTALL_KINDS, JobKind.REMOVE)
"""What works on the store."""
STORAGE_QUEUE = "storage"

STORE_SLOT = "store"
"""Whoever changes the whole store or the whole catalog."""
PREVIEW_SLOT = "preview"
"""Who only looks what a collection would remove."""
SCRUB_SLOT = "scrub"
"""Who only compares."""


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


class JobManager(models.Manager["Job"]):
    """Every change of state is one conditional UPDATE, so that of two that want it exactly one gets it."""

    def claim(self, job_id: int) -> Job | None:
        """Make a queued job run as a new attempt of the caller; None if it is not there to be claimed."""
        now = timezone.now()
        claimed = self.filter(pk=job_id, state=JobState.QUEUED).update(
            state=JobState.RUNNING,
            attempt=models.F("attempt") + 1,
            started_at=Coalesce("started_at", models.Value(now, output_field=models.DateTimeField())),
            heartbeat_at=now,
        )
        # No lost update in between: while it runs, only the holder of this attempt writes these fields.
        return self.select_related("project", "container", "image").get(pk=job_id) if claimed else None

    def beat(self, job: Job) -> bool:
        """Show a sign of life; False if the job is no longer the caller's."""
        return bool(self._mine(job).update(heartbeat_at=timezone.now()))

    def end(self, job: Job, state: JobState, **fields: Any) -> bool:
        """Finish the caller's attempt; False (and nothing written) if the job is no longer the caller's."""
        return bool(self._mine(job).update(state=state, finished_at=timezone.now(), **fields))

    def put_back(self, job: Job) -> bool:
        """Queue the caller's running job again, to be sent at the next opportunity."""
        return bool(self._mine(job).update(state=JobState.QUEUED, sent_at=None, heartbeat_at=None))

    def done_last(self, kind: JobKind) -> models.QuerySet[Job]:
        """Return the jobs of ``kind`` that did their work to its end, the last one first.

        Looks at what a collection would remove do not count as collections.
        """
        done = self.filter(kind=kind, state=JobState.SUCCEEDED).exclude(slot=PREVIEW_SLOT)
        return done.order_by("-finished_at", "-pk")

    def _mine(self, job: Job) -> models.QuerySet[Job]:
        return self.filter(pk=job.pk, state=JobState.RUNNING, attempt=job.attempt)


class Job(models.Model):
    """One piece of background work.

    Attributes:
        reference: what a pull pulls, as written in full; for other kinds, the image's or container's name,
            or what is done to the store.
        arguments: what the task needs besides: pull {insecure, fetch_only, scheduled (nobody waits for
            it)}, container {action}, collect {dry_run}, scrub {repair}, remove {images,
            foreseen, and how far it has come: worker.tasks.removing}.
        slot: what only one active job at a time may have; empty for jobs that do not exclude each other.
        attempt: grows with each claim; a worker writes only while the row still carries its own attempt.
        times_lost: how often its worker died while it ran.
        heartbeat_at: the running worker's last sign of life.
        progress: the last snapshot (see worker.progress); the live one is in Redis.
        result: facts about the outcome, e.g. {"unchanged": true}.
        image: for a pull, the image it brought; for extract, the image it works on.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="jobs")
    kind = models.CharField(max_length=12, choices=JobKind.choices)
    state = models.CharField(max_length=10, choices=JobState.choices, default=JobState.QUEUED)
    reference = models.CharField(max_length=800)
    platform = models.CharField(max_length=152, blank=True, default="")
    arguments: models.JSONField[Any, Any] = models.JSONField(default=dict, blank=True)
    slot = models.CharField(max_length=12, blank=True, default="", editable=False)
    image = models.ForeignKey(Image, on_delete=models.SET_NULL, null=True, blank=True, related_name="jobs")
    container = models.ForeignKey(
        Container, on_delete=models.SET_NULL, null=True, blank=True, related_name="jobs"
    )
    schedule = models.ForeignKey(
        Schedule, on_delete=models.SET_NULL, null=True, blank=True, related_name="jobs"
    )
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
    times_lost = models.PositiveIntegerField(default=0)
    error_code = models.CharField(max_length=50, blank=True, default="")
    error_message = models.TextField(blank=True, default="")
    error_hint = models.TextField(blank=True, default="")
    progress: models.JSONField[Any, Any] = models.JSONField(default=dict, blank=True)
    result: models.JSONField[Any, Any] = models.JSONField(default=dict, blank=True)

    objects = JobManager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(condition=models.Q(state__in=JobState.values), name="job_state_known"),
            models.CheckConstraint(condition=models.Q(kind__in=JobKind.values), name="job_kind_known"),
            models.CheckConstraint(
                condition=~models.Q(state=JobState.FAILED) | ~models.Q(error_code=""),
                name="job_failed_says_why",
            ),
            models.UniqueConstraint(
                fields=["slot"],
                condition=~models.Q(slot="") & models.Q(state__in=ACTIVE_STATES),
                name="job_alone_in_its_slot",
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

    @property
    def queue(self) -> str:
        """The Celery queue that its work goes to."""
        if self.kind == JobKind.CONTAINER:
            node = self.container.node if self.container is not None else settings.NODE
            return f"{JobKind.CONTAINER}.{node}"
        return STORAGE_QUEUE if self.kind in STORAGE_KINDS else self.kind

"""Containers: one writable layer on top of an image."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.db import models

from worker.models.image import Image
from worker.models.project import Project


class ContainerState(models.TextChoices):
    """creating -> created -> running -> stopped; removing ends it; failed: it could not be created."""

    CREATING = "creating"
    CREATED = "created"
    RUNNING = "running"
    STOPPED = "stopped"
    REMOVING = "removing"
    FAILED = "failed"


AT_REST_STATES = (ContainerState.CREATED, ContainerState.STOPPED)
"""In which a container can be started."""


class Container(models.Model):
    """A container and what is known of it.

    Attributes:
        runtime_id: its name in the store and for the runtime.
        command: replaces the image's command (``CMD``); empty: the image's own.
        env: replaces or adds variables, as a JSON object.
        node: the worker node that holds it; its jobs go to that node's queue.
        exit_code: of its last run; 128 + n when ended by signal n.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="containers")
    image = models.ForeignKey(Image, on_delete=models.PROTECT, related_name="containers")
    name = models.CharField(max_length=63)
    runtime_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    command: models.JSONField[Any, Any] = models.JSONField(default=list, blank=True)
    env: models.JSONField[Any, Any] = models.JSONField(default=dict, blank=True)
    node = models.CharField(max_length=100)
    state = models.CharField(max_length=10, choices=ContainerState.choices, default=ContainerState.CREATING)
    exit_code = models.IntegerField(null=True, blank=True)
    error_message = models.TextField(blank=True, default="")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="container_name_once"),
            models.CheckConstraint(
                condition=models.Q(state__in=ContainerState.values), name="container_state_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name

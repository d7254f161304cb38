"""Registries that a project knows: how to reach them, and as whom."""

from __future__ import annotations

from django.db import models

from worker.models.project import Project


class Registry(models.Model):
    """How one project reaches one registry host.

    A registry without a row is reached anonymously over TLS.

    Attributes:
        host: as in a reference: ``docker.io``, ``localhost:5000``.
        insecure: plain HTTP, or TLS whose certificate is not checked.
        password_encrypted: the password, encrypted with a key derived from the secret key; never shown.
        check_error: why the last test of the connection failed; empty if it worked.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="registries")
    host = models.CharField(max_length=255)
    insecure = models.BooleanField(default=False)
    username = models.CharField(max_length=255, blank=True, default="")
    password_encrypted = models.TextField(blank=True, default="")
    checked_at = models.DateTimeField(null=True, blank=True)
    check_error = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["host", "id"]
        constraints = [models.UniqueConstraint(fields=["project", "host"], name="registry_once_per_project")]

    def __str__(self) -> str:
        return self.host

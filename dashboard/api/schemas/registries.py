"""Registries. A password goes in and never comes out."""

from __future__ import annotations

from datetime import datetime

from ninja import Field, Schema

from dashboard.api.schemas.common import Input, ProjectSlug
from worker.models import Registry


class RegistryIn(Input):
    """How to reach a registry. ``insecure``: plain HTTP, or TLS whose certificate is not checked."""

    host: str = Field(min_length=1, max_length=255, examples=["localhost:5000"])
    insecure: bool = False
    username: str = Field("", max_length=255)
    password: str = Field("", description="Write-only.")
    project: ProjectSlug = None


class RegistryChange(Input):
    """What to change; an absent field stays, and so does the password if it is empty.

    An empty ``username`` removes both.
    """

    host: str | None = Field(None, min_length=1, max_length=255)
    insecure: bool | None = None
    username: str | None = Field(None, max_length=255)
    password: str | None = Field(None, description="Write-only.")


class RegistryOut(Schema):
    """A registry. ``check_error`` says why the last test failed; empty if it worked or there was none."""

    id: int
    project: str
    host: str
    insecure: bool
    username: str
    has_password: bool
    checked_at: datetime | None
    check_error: str
    created_at: datetime

    @classmethod
    def of(cls, registry: Registry) -> RegistryOut:
        """Return ``registry``; its project should be loaded already."""
        return cls(
            id=registry.pk,
            project=registry.project.slug,
            host=registry.host,
            insecure=registry.insecure,
            username=registry.username,
            has_password=bool(registry.password_encrypted),
            checked_at=registry.checked_at,
            check_error=registry.check_error,
            created_at=registry.created_at,
        )


class StepOut(Schema):
    """One step of the test, in order: name resolution, connection, TLS, API, credentials."""

    name: str
    ok: bool
    detail: str


class ConnectionOut(Schema):
    """What a test of the connection found."""

    ok: bool
    steps: list[StepOut]

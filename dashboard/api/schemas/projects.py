"""Projects."""

from __future__ import annotations

from ninja import Schema

from dashboard.api.schemas.common import Bytes
from worker.models import Role


class ProjectOut(Schema):
    """A project, and what you may do in it."""

    id: int
    slug: str
    name: str
    role: Role
    quota_bytes: Bytes | None

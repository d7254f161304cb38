"""Projects."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Router

from dashboard.api.auth import caller
from dashboard.api.schemas.common import Page
from dashboard.api.schemas.projects import ProjectOut
from dashboard.api.scope import oldest_first
from worker.models import Membership, Role

router = Router(tags=["projects"])


@router.get("projects", response=Page[ProjectOut], summary="List your projects")
def projects(request: HttpRequest) -> Page[ProjectOut]:
    """Anyone with a token. Calls without `project` are about the first one. One page holds all."""
    user = caller(request)
    roles = dict(Membership.objects.filter(user=user).values_list("project_id", "role"))
    items = [
        ProjectOut(
            id=project.pk,
            slug=project.slug,
            name=project.name,
            role=Role.ADMIN if user.is_superuser else Role(roles[project.pk]),
            quota_bytes=project.quota_bytes,
        )
        for project in oldest_first(user)
    ]
    return Page(items=items, next=None)

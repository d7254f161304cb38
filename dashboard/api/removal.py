"""Removing images of a project, after it was told what that frees."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.http import HttpRequest
from ninja import Router
from ninja.responses import Status

from dashboard.api.auth import caller
from dashboard.api.schemas.jobs import JobOut
from dashboard.api.schemas.removal import RemovalIn, RemovalPreviewIn, RemovalPreviewOut
from dashboard.api.scope import project_for
from worker import services
from worker.models import Image
from worker.progress import latest

router = Router(tags=["images"])


@router.post("images/removal-preview", response=RemovalPreviewOut, summary="What removing images would free")
def preview(request: HttpRequest, given: RemovalPreviewIn) -> RemovalPreviewOut:
    """Operators. Exact to the byte, and nothing is removed."""
    user = caller(request)
    return RemovalPreviewOut.of(services.what_would_go(_images(user, given), by=user))


@router.post("images/removals", response={202: JobOut}, summary="Remove images, and free what only they need")
def remove(request: HttpRequest, given: RemovalIn) -> Status[JobOut]:
    """Operators. All or none; other images, containers and running pulls keep what they need."""
    user = caller(request)
    job = services.remove_images(_images(user, given), mark=given.mark, by=user)
    return Status(202, JobOut.of(job, latest(job)))


def _images(user: User, given: RemovalPreviewIn) -> list[Image]:
    return services.chosen_images(project_for(user, given.project), given.images)

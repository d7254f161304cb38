"""What an install and a project may pull: the allow-list and the quota."""

from __future__ import annotations

from fnmatch import fnmatchcase

from django.conf import settings
from django.db.models import Sum

from worker.engine.errors import Conflict, NotAllowed
from worker.models.image import Image
from worker.models.project import Project


def require_allowed(host: str) -> None:
    """Raise NotAllowed unless ``host`` matches a pattern of STRATA_ALLOWED_REGISTRIES (none: all may)."""
    patterns: list[str] = settings.ALLOWED_REGISTRIES
    if patterns and not any(fnmatchcase(host, pattern.lower()) for pattern in patterns):
        raise NotAllowed(
            f"This install may not pull from {host}.",
            hint=f"STRATA_ALLOWED_REGISTRIES allows only {', '.join(patterns)}.",
        )


def require_quota(project: Project) -> None:
    """Raise Conflict if ``project`` has used up its quota."""
    if project.quota_bytes is not None and used_bytes(project) >= project.quota_bytes:
        raise Conflict(
            f"The project {project} has used up its quota of {project.quota_bytes / 2**30:.3g} GiB.",
            hint="Remove images that nobody needs, or ask an administrator for a larger quota.",
        )


def used_bytes(project: Project) -> int:
    """Return the compressed bytes of all images of ``project``, as its quota counts them."""
    return Image.objects.filter(project=project).aggregate(sum=Sum("compressed_size"))["sum"] or 0

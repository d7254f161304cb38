"""Whether what a project's contents were counted of is still what it has."""

from __future__ import annotations

from django.db.models import Count, Max, Q

from worker.models.image import Image, ImageLayer
from worker.models.project import Project


def content_stamp(project: Project) -> str:
    """Return what changes whenever the project gets or loses layers that can be counted."""
    images = Image.objects.filter(project=project).order_by()
    facts = images.aggregate(
        images=Count("pk"), extracted=Count("pk", filter=Q(extracted=True)), last=Max("pk")
    )
    return f"{facts['images']}:{facts['extracted']}:{facts['last'] or 0}"


def layers_to_count(project: Project) -> int:
    """Return how many layers of the project stand in the store."""
    stacks = ImageLayer.objects.filter(image__project=project, layer__tree_present=True).order_by()
    return stacks.values("layer").distinct().count()

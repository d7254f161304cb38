"""Indexes: what makes the images of several platforms one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import models

from worker.models.project import Project


@dataclass(frozen=True, slots=True)
class OfferedImage:
    """An image that an index has.

    Attributes:
        platform: as ``os/arch[/variant]``.
        digest: of its manifest.
        size: of that manifest, in bytes.
    """

    platform: str
    digest: str
    size: int


class ImageIndex(models.Model):
    """The index that led to images of one project, when they were pulled last.

    Attributes:
        offered: the images that it has, pulled or not, as a list of ``{"platform", "digest", "size"}``.
        pulled_at: when one of its images was pulled last.
        referrers_at: when the registry was last asked what refers to it; None: never.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="indexes")
    digest = models.CharField(max_length=71)
    media_type = models.CharField(max_length=255)
    offered: models.JSONField[Any, Any] = models.JSONField(default=list)
    pulled_at = models.DateTimeField()
    referrers_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "digest"], name="index_once_per_project")]

    def __str__(self) -> str:
        return self.digest

    @property
    def images_offered(self) -> list[OfferedImage]:
        """What it has, in its builder's order."""
        return [OfferedImage(one["platform"], one["digest"], one["size"]) for one in self.offered]

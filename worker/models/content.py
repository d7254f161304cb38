"""How much of what the files of a project hold is the same, wherever it stands: counted in the background."""

from __future__ import annotations

from django.db import models

from worker.models.image import Image
from worker.models.project import Project


class ContentCount(models.Model):
    """The last count of a project's contents: it goes over all files of all layers, so it is kept.

    Attributes:
        distinct: bytes of the contents of all files, each content once, in however many layers it is.
        distinct_files: how many contents that are.
        layers: how many layers of the project were counted; others were not indexed yet, or not extracted.
        stamp: of what the project held then (``worker.services.contents``).
        counted_at: None until the first count has ended.
        asked_at: when a count was last asked for.
    """

    project = models.OneToOneField(Project, on_delete=models.CASCADE, related_name="content_count")
    distinct = models.PositiveBigIntegerField(default=0)
    distinct_files = models.PositiveBigIntegerField(default=0)
    layers = models.PositiveIntegerField(default=0)
    stamp = models.CharField(max_length=100, blank=True, default="")
    counted_at = models.DateTimeField(null=True, blank=True)
    asked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"contents of {self.project_id} at {self.counted_at}"


class ContentShare(models.Model):
    """What one repository or one image has of a project's contents, by the count of ``ContentCount``.

    An image without a row has no content that others lack.

    Attributes:
        registry_host, repository: where images were pulled from first; empty in the row of an image.
        image: None in the row of a repository.
        distinct: bytes of its contents, each once; None for an image.
        own: bytes of the contents that no other repository, or no other image, of the project has.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="content_shares")
    registry_host = models.CharField(max_length=255, blank=True, default="")
    repository = models.CharField(max_length=255, blank=True, default="")
    image = models.OneToOneField(
        Image, on_delete=models.CASCADE, null=True, blank=True, related_name="content_share"
    )
    distinct = models.PositiveBigIntegerField(null=True, blank=True)
    own = models.PositiveBigIntegerField(default=0)

    class Meta:
        indexes = [
            models.Index(fields=["project", "registry_host", "repository"], name="content_by_repository")
        ]

    def __str__(self) -> str:
        return (
            f"{self.registry_host}/{self.repository}" if self.image_id is None else f"image {self.image_id}"
        )

"""What refers to an image: signatures, SBOMs, attestations. They are listed, never verified."""

from __future__ import annotations

from typing import Any

from django.db import models

from worker.models.image import Image
from worker.models.index import ImageIndex


class ReferrerKind(models.TextChoices):
    """As worker.engine.referrers sorts them."""

    SIGNATURE = "signature"
    SBOM = "sbom", "SBOM"
    ATTESTATION = "attestation"
    OTHER = "other"


class Referrer(models.Model):
    """An artifact in the registry that says that it belongs to an image, or to the index that led to it.

    Whether what it says is true nobody has looked into. It is not fetched; it stays where it is.

    Attributes:
        image, index: what it belongs to: one of the two.
        digest: of its manifest.
        artifact_type: what it holds; empty if it does not say.
        size: of its manifest, in bytes.
        predicates: the kinds of statement that it makes, as in-toto names them; empty if not known.
        found_by: how: ``referrers``, ``tag`` (of the referrers tag schema), ``cosign`` (its tags), ``index``.
        made_at: when it was made, as it says itself.
    """

    image = models.ForeignKey(
        Image, on_delete=models.CASCADE, null=True, blank=True, related_name="referrers"
    )
    index = models.ForeignKey(
        ImageIndex, on_delete=models.CASCADE, null=True, blank=True, related_name="referrers"
    )
    kind = models.CharField(max_length=12, choices=ReferrerKind.choices)
    digest = models.CharField(max_length=71)
    media_type = models.CharField(max_length=255)
    artifact_type = models.CharField(max_length=255, blank=True, default="")
    size = models.PositiveBigIntegerField()
    predicates: models.JSONField[Any, Any] = models.JSONField(default=list, blank=True)
    found_by = models.CharField(max_length=12)
    made_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["kind", "id"]
        constraints = [
            models.UniqueConstraint(fields=["image", "digest"], name="referrer_once_per_image"),
            models.UniqueConstraint(fields=["index", "digest"], name="referrer_once_per_index"),
            models.CheckConstraint(
                condition=models.Q(image__isnull=True) ^ models.Q(index__isnull=True),
                name="referrer_of_image_or_index",
            ),
            models.CheckConstraint(
                condition=models.Q(kind__in=ReferrerKind.values), name="referrer_kind_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.digest}"

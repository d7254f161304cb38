"""Layers and their compressed forms. They are facts of the store, so they belong to no project.

Who may see a layer is decided by the images that stand on it.
"""

from __future__ import annotations

from django.db import models


class Layer(models.Model):
    """One read-only changeset, known by its diff ID (sha256 of the uncompressed tar).

    Attributes:
        unpacked_size: bytes of the uncompressed tar; None until it was extracted once.
        content_size: bytes of its regular files together; None likewise.
        entries: tar entries; None likewise.
        tree_present: whether its tree stands in the store.
        tree_bytes: what its tree takes on the disk, hard links once; None until that was measured.
    """

    diff_id = models.CharField(max_length=71, unique=True)
    unpacked_size = models.PositiveBigIntegerField(null=True, blank=True)
    content_size = models.PositiveBigIntegerField(null=True, blank=True)
    entries = models.PositiveIntegerField(null=True, blank=True)
    tree_present = models.BooleanField(default=False)
    tree_bytes = models.PositiveBigIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.diff_id


class Blob(models.Model):
    """One compressed form of a layer, as manifests describe it.

    What a manifest says of a blob is not checked when its layer is here already, and two may say different
    things of one digest: then there are two rows, and nobody's statement counts for the images of others.

    Attributes:
        size: compressed bytes.
        present: whether these bytes stand in the store; a tree may be there without them.
    """

    digest = models.CharField(max_length=71)
    media_type = models.CharField(max_length=255)
    size = models.PositiveBigIntegerField()
    present = models.BooleanField(default=False)
    layer = models.ForeignKey(Layer, on_delete=models.CASCADE, related_name="blobs")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["digest", "layer", "media_type", "size"], name="blob_once")
        ]

    def __str__(self) -> str:
        return self.digest

"""Images, the layers they stack, and the tags that name them."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Count, Exists, OuterRef, Q
from django.db.models.functions import Coalesce

from worker.models.index import ImageIndex
from worker.models.layer import Blob, Layer
from worker.models.project import Project


class ImageQuerySet(models.QuerySet["Image"]):
    """Images, with what only they can be asked."""

    def leads(self) -> ImageQuerySet:
        """Of the images of one index only the one that came here first: it stands for all of them."""
        earlier = Image.objects.filter(index=OuterRef("index"), pk__lt=OuterRef("pk"))
        return self.exclude(Exists(earlier))

    def count_leads(self) -> int:
        """Return how many :meth:`leads` there are; quicker than to look for them."""
        counts = self.order_by().aggregate(
            alone=Count("pk", filter=Q(index__isnull=True)), groups=Count("index", distinct=True)
        )
        return int(counts["alone"]) + int(counts["groups"])

    def lately(self) -> ImageQuerySet:
        """Order by the last pull of the image, for whatever platform, the latest first."""
        return self.order_by(Coalesce("index__pulled_at", "pulled_at").desc(), "-pk")

    def apart_from(self, image: Image) -> ImageQuerySet:
        """Leave out ``image``, and what is the same image for another platform: they are no relatives."""
        others = self.exclude(pk=image.pk)
        return others.exclude(index=image.index_id) if image.index_id is not None else others


class Image(models.Model):
    """One manifest, for one platform, in one project.

    Attributes:
        registry_host, repository: where it was pulled from first; names it when no tag does.
        config: the image config as JSON (OCI image spec, "Image Configuration").
        compressed_size: bytes of its layer blobs as they cross the wire; one that occurs twice counts twice.
        unpacked_size: bytes of its layers' uncompressed tars; None until all were extracted once.
        chain_id: chain ID of its top layer; empty for an image without layers. Twins share it.
        extracted: whether every layer's tree stands in the store.
        index: the index that led to it when it was pulled last; what else that led to is the same image for
            another platform. None if it was pulled without one.
        base_digest, base_name: what it says that it was built from (OCI image spec, annotations.md); empty if
            it does not say.
        referrers_at: when the registry was last asked what refers to it; None: never.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="images")
    digest = models.CharField(max_length=71)
    media_type = models.CharField(max_length=255)
    registry_host = models.CharField(max_length=255)
    repository = models.CharField(max_length=255)
    os = models.CharField(max_length=50)
    architecture = models.CharField(max_length=50)
    variant = models.CharField(max_length=50, blank=True, default="")
    config_digest = models.CharField(max_length=71)
    config: models.JSONField[Any, Any] = models.JSONField(default=dict)
    created_by_builder_at = models.DateTimeField(null=True, blank=True)
    layer_count = models.PositiveIntegerField()
    compressed_size = models.PositiveBigIntegerField()
    unpacked_size = models.PositiveBigIntegerField(null=True, blank=True)
    chain_id = models.CharField(max_length=71, blank=True, default="", db_index=True)
    extracted = models.BooleanField(default=False)
    pulled_at = models.DateTimeField()
    index = models.ForeignKey(
        ImageIndex, on_delete=models.SET_NULL, null=True, blank=True, related_name="images"
    )
    referrers_at = models.DateTimeField(null=True, blank=True)
    base_digest = models.CharField(max_length=71, blank=True, default="")
    base_name = models.CharField(max_length=512, blank=True, default="")
    layers: models.ManyToManyField[Layer, ImageLayer] = models.ManyToManyField(
        Layer, through="ImageLayer", related_name="images"
    )

    objects = ImageQuerySet.as_manager()

    class Meta:
        ordering = ["-pulled_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["project", "digest"], name="image_once_per_project")]
        indexes = [
            models.Index(fields=["project", "-pulled_at", "-id"], name="image_by_time"),
            models.Index(fields=["project", "chain_id"], name="image_by_chain"),
            # All that telling, counting and sorting the leads needs: rows are long, by their configs.
            models.Index(fields=["project", "index", "pulled_at"], name="image_by_index"),
        ]

    def __str__(self) -> str:
        return f"{self.repository}@{self.digest}"

    @property
    def called(self) -> str:
        """What its project calls it: by the tag that moved to it last, or else by its digest, in short."""
        tag = self.tags.order_by("-moved_at", "name").first()
        return str(tag or f"{self.registry_host}/{self.repository}@{self.digest[:19]}")

    @property
    def platform(self) -> str:
        """As ``os/arch[/variant]``."""
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


class ImageLayer(models.Model):
    """A layer's place in one image's stack.

    Attributes:
        position: 0 is the base.
        chain_id: identity of this layer on top of the ones below (OCI image spec, "Layer ChainID").
        created_by: the build step that made it, from the config's history; may be empty.
    """

    image = models.ForeignKey(Image, on_delete=models.CASCADE, related_name="image_layers")
    layer = models.ForeignKey(Layer, on_delete=models.PROTECT, related_name="image_layers")
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="image_layers")
    position = models.PositiveIntegerField()
    chain_id = models.CharField(max_length=71)
    created_by = models.TextField(blank=True, default="")

    class Meta:
        ordering = ["image_id", "position"]
        constraints = [
            models.UniqueConstraint(fields=["image", "position"], name="image_layer_position_once")
        ]
        indexes = [models.Index(fields=["chain_id", "image"], name="image_layer_by_chain")]

    def __str__(self) -> str:
        return f"{self.image_id}#{self.position}"


class Tag(models.Model):
    """A name that points at an image now; one per platform, since a tag may name an index.

    Attributes:
        image: None once the image that it last pointed at was removed; what is known of its past stays.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="tags")
    registry_host = models.CharField(max_length=255)
    repository = models.CharField(max_length=255)
    name = models.CharField(max_length=128)
    platform = models.CharField(max_length=152)
    image = models.ForeignKey(Image, on_delete=models.SET_NULL, null=True, blank=True, related_name="tags")
    moved_at = models.DateTimeField()
    checked_at = models.DateTimeField()

    class Meta:
        ordering = ["registry_host", "repository", "name", "platform"]
        constraints = [
            models.UniqueConstraint(
                fields=["project", "registry_host", "repository", "name", "platform"], name="tag_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.registry_host}/{self.repository}:{self.name}"


class TagMovement(models.Model):
    """One time that a tag came to point at another image.

    Digests, not rows: a movement is history and outlives the images that it names. The first, and one after
    a removal, has no ``from_digest``; one that was a removal of the image has no ``to_digest``.
    """

    tag = models.ForeignKey(Tag, on_delete=models.CASCADE, related_name="movements")
    from_digest = models.CharField(max_length=71, blank=True, default="")
    to_digest = models.CharField(max_length=71, blank=True, default="")
    moved_at = models.DateTimeField()

    class Meta:
        ordering = ["-moved_at", "-id"]

    def __str__(self) -> str:
        return f"{self.tag_id}: {self.from_digest} -> {self.to_digest}"

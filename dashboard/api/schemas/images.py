"""Images, their layers and their family."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ninja import Schema

from dashboard.api.schemas.common import Bytes, Digest
from worker.models import Image, ImageLayer, Layer


class ImageOut(Schema):
    """An image. ``unpacked_size`` is null until every layer was extracted once.

    ``reference`` is the tag moved last that points at it, written in full; by digest if none does.
    """

    id: int
    project: str
    reference: str
    tags: list[str]
    registry: str
    repository: str
    digest: Digest
    media_type: str
    config_digest: Digest
    chain_id: str
    platform: str
    layer_count: int
    compressed_size: Bytes
    unpacked_size: Bytes | None
    extracted: bool
    created_at: datetime | None
    pulled_at: datetime

    @classmethod
    def of(cls, image: Image) -> ImageOut:
        """Return ``image``; its project and tags should be loaded already."""
        return cls(**_facts(image))


class ImageLayerOut(Schema):
    """A layer's place in an image: ``position`` 0 is the base; ``created_by`` is the build step, or empty."""

    position: int
    diff_id: Digest
    chain_id: Digest
    digest: Digest
    media_type: str
    compressed_size: Bytes
    unpacked_size: Bytes | None
    created_by: str

    @classmethod
    def of(cls, place: ImageLayer) -> ImageLayerOut:
        return cls(
            position=place.position,
            diff_id=place.layer.diff_id,
            chain_id=place.chain_id,
            digest=place.blob.digest,
            media_type=place.blob.media_type,
            compressed_size=place.blob.size,
            unpacked_size=place.layer.unpacked_size,
            created_by=place.created_by,
        )


class ImageWithLayersOut(ImageOut):
    """An image and its layers, base first."""

    layers: list[ImageLayerOut]

    @classmethod
    def of(cls, image: Image) -> ImageWithLayersOut:
        places = image.image_layers.select_related("layer", "blob").order_by("position")
        return cls(**_facts(image), layers=[ImageLayerOut.of(place) for place in places])


class LineageOut(Schema):
    """An image's family in its project.

    ``ancestors`` are the images it stands on, base first; ``parents`` the nearest of them (several when they
    are twins); ``children`` those that stand on it directly; ``twins`` those with the same diff IDs.
    """

    parents: list[ImageOut]
    ancestors: list[ImageOut]
    children: list[ImageOut]
    twins: list[ImageOut]


class LayerOut(Schema):
    """A layer of the project's images. Sizes are null until it was extracted once."""

    diff_id: Digest
    unpacked_size: Bytes | None
    content_size: Bytes | None
    entries: int | None
    tree_present: bool
    images: int

    @classmethod
    def of(cls, layer: Layer, images: int) -> LayerOut:
        return cls(
            diff_id=layer.diff_id,
            unpacked_size=layer.unpacked_size,
            content_size=layer.content_size,
            entries=layer.entries,
            tree_present=layer.tree_present,
            images=images,
        )


def _facts(image: Image) -> dict[str, Any]:
    tags = sorted(image.tags.all(), key=lambda tag: tag.moved_at, reverse=True)
    name = f"{image.registry_host}/{image.repository}"
    return {
        "id": image.pk,
        "project": image.project.slug,
        "reference": str(tags[0]) if tags else f"{name}@{image.digest}",
        "tags": [str(tag) for tag in tags],
        "registry": image.registry_host,
        "repository": image.repository,
        "digest": image.digest,
        "media_type": image.media_type,
        "config_digest": image.config_digest,
        "chain_id": image.chain_id,
        "platform": image.platform,
        "layer_count": image.layer_count,
        "compressed_size": image.compressed_size,
        "unpacked_size": image.unpacked_size,
        "extracted": image.extracted,
        "created_at": image.created_by_builder_at,
        "pulled_at": image.pulled_at,
    }

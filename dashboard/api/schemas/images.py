"""Images, their layers and their family."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ninja import Schema

from dashboard.api.schemas.common import Bytes, Digest
from worker.models import Image, ImageLayer, Layer, Referrer, ReferrerKind
from worker.models.evidence import Evidence
from worker.models.outdated import OutdatedBase
from worker.models.rebuilding import RebuildStep


class PlatformOut(Schema):
    """One platform of an image. ``image`` is null for one that the index has and that was not pulled."""

    platform: str
    image: int | None


class ImageOut(Schema):
    """An image, for one platform. ``unpacked_size`` is null until every layer was extracted once.

    ``reference`` is the tag moved last that points at it, written in full; by digest if none does. ``index``
    is the digest of the index that led to it, ``platforms`` what that has; without one: null, and none.
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
    index: Digest | None
    platforms: list[PlatformOut]

    @classmethod
    def of(cls, image: Image) -> ImageOut:
        """Return ``image``; its project, tags, and index with images should be loaded already."""
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


class ReferrerOut(Schema):
    """An artifact that says that it belongs to an image. It is listed; nobody has verified it.

    ``subject`` is the digest that it refers to: the image's, or that of the index that led to it. ``size`` is
    that of its manifest. ``predicates`` are the types of its statements, if they are known. ``found_by``: the
    Referrers API (`referrers`), its `tag` schema, a tag of `cosign`, or the `index`.
    """

    kind: ReferrerKind
    subject: Digest
    digest: str
    media_type: str
    artifact_type: str
    predicates: list[str]
    size: Bytes
    found_by: str
    created_at: datetime | None

    @classmethod
    def of(cls, row: Referrer, image: Image) -> ReferrerOut:
        """Return ``row``, which refers to ``image`` or to its index."""
        subject = image.index.digest if row.index_id is not None and image.index else image.digest
        return cls(
            kind=ReferrerKind(row.kind),
            subject=subject,
            digest=row.digest,
            media_type=row.media_type,
            artifact_type=row.artifact_type,
            predicates=row.predicates,
            size=row.size,
            found_by=row.found_by,
            created_at=row.made_at,
        )


class ReferrersOut(Schema):
    """What refers to an image. ``looked_at``: when the registry was last asked; null if it never was.

    ``verified`` is always false: signatures are not checked here.
    """

    items: list[ReferrerOut]
    looked_at: datetime | None
    verified: bool = False


class ParentEvidenceOut(Schema):
    """What speaks for an image having been built from a parent, beyond the layers that they share.

    ``digest``, ``name``: it declares that it was built from this digest, or from a name that the parent has
    or had; ``history``: its history continues the parent's whole one, as FROM leaves it, and as a shared
    build cache may. Empty: nothing but the layers.
    """

    image: int
    evidence: list[Evidence]


class OutdatedBaseOut(Schema):
    """A tag that named an ancestor, the image ``old``, and names the image ``new`` since ``moved_at``."""

    tag: str
    old: int
    old_digest: Digest
    new: int
    new_digest: Digest
    moved_at: datetime

    @classmethod
    def of(cls, base: OutdatedBase) -> OutdatedBaseOut:
        return cls(
            tag=str(base.tag),
            old=base.old.pk,
            old_digest=base.old.digest,
            new=base.new.pk,
            new_digest=base.new.digest,
            moved_at=base.moved_at,
        )


class RebuildImageOut(Schema):
    """An image to be rebuilt. ``reference`` is a tag that points at it; by digest if none does."""

    id: int
    digest: Digest
    reference: str


class RebuildStepOut(Schema):
    """Images with the same layers, to be rebuilt together, once step ``after`` is done.

    ``after`` is null for those that stand directly on the image that was asked for. Steps of one ``wave`` can
    run at the same time.
    """

    number: int
    wave: int
    after: int | None
    images: list[RebuildImageOut]

    @classmethod
    def of(cls, step: RebuildStep) -> RebuildStepOut:
        images = [
            RebuildImageOut(id=one.id, digest=one.digest, reference=one.names[0]) for one in step.images
        ]
        return cls(number=step.number, wave=step.wave, after=step.after, images=images)


class LineageOut(Schema):
    """An image's family in its project.

    ``ancestors`` are the images it stands on, base first; ``parents`` the nearest of them (several when they
    are twins, the most likely first: then ``ambiguous`` is true), and ``evidence`` what speaks for each;
    ``children`` those that stand on it directly; ``twins`` those with the same diff IDs; ``siblings`` those
    that stand directly on the same parent. ``outdated`` are tags of ancestors that went on to other images,
    ``rebuild_order`` the descendants, each after what it stands on.
    """

    parents: list[ImageOut]
    ambiguous: bool
    evidence: list[ParentEvidenceOut]
    ancestors: list[ImageOut]
    children: list[ImageOut]
    twins: list[ImageOut]
    siblings: list[ImageOut]
    outdated: list[OutdatedBaseOut]
    rebuild_order: list[RebuildStepOut]


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
        return cls(diff_id=layer.diff_id, images=images, **cls.sizes(layer))

    @staticmethod
    def sizes(layer: Layer) -> dict[str, Any]:
        """Return what is known of a layer once it was extracted."""
        return {
            "unpacked_size": layer.unpacked_size,
            "content_size": layer.content_size,
            "entries": layer.entries,
            "tree_present": layer.tree_present,
        }


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
        "index": image.index.digest if image.index else None,
        "platforms": _platforms(image),
    }


def _platforms(image: Image) -> list[PlatformOut]:
    if image.index is None:
        return []
    here = {one.digest: one for one in image.index.images.all()}
    offered = {one.digest: one.platform for one in image.index.images_offered}
    # By the pulled image's own words, which may be more exact; and also what the index does not name.
    pulled = [PlatformOut(platform=one.platform, image=one.pk) for one in here.values()]
    others = dict.fromkeys(platform for digest, platform in offered.items() if digest not in here)
    known = {one.platform for one in pulled}
    return pulled + [PlatformOut(platform=name, image=None) for name in others if name not in known]

"""What can be pulled, and what a pull would do."""

from __future__ import annotations

from ninja import Field, Schema

from dashboard.api.schemas.common import Bytes, Digest
from worker.engine.offer import Offer
from worker.engine.preview import LayerPreview, Presence, Preview, Room
from worker.services import Tags


class TagsOut(Schema):
    """Tags of a repository, the newest version first; with a search, the nearest to it first.

    ``matching`` are on all pages together, ``known`` those that match or not. Unless ``complete``, the
    registry has more than were listed. ``next``, sent as ``after``, gives the page after; null on the last.
    """

    repository: str = Field(examples=["docker.io/library/debian"])
    items: list[str]
    matching: int
    known: int
    complete: bool
    next: str | None

    @classmethod
    def of(cls, tags: Tags) -> TagsOut:
        return cls(
            repository=tags.repository,
            items=list(tags.items),
            matching=tags.matching,
            known=tags.known,
            complete=tags.complete,
            next=tags.next or None,
        )


class OfferedPlatformOut(Schema):
    """A platform and its manifest. ``compressed_size`` is null unless that manifest was read."""

    platform: str = Field(examples=["linux/arm64/v8"])
    digest: Digest
    compressed_size: Bytes | None


class PlatformsOut(Schema):
    """What a reference leads to: an index, or the manifest of one image.

    ``default`` is what a pull takes that names no platform; null if that fails.
    """

    reference: str
    digest: Digest
    media_type: str
    platforms: list[OfferedPlatformOut]
    default: str | None

    @classmethod
    def of(cls, offer: Offer) -> PlatformsOut:
        platforms = [
            OfferedPlatformOut(platform=str(one.platform), digest=str(one.digest), compressed_size=one.size)
            for one in offer.platforms
        ]
        return cls(
            reference=str(offer.reference),
            digest=str(offer.digest),
            media_type=offer.media_type,
            platforms=platforms,
            default=str(offer.default) if offer.default is not None else None,
        )


class LayerPreviewOut(Schema):
    """One layer of a pull to come.

    ``presence`` says what there is of it: all (``here``), its tree from another compressed form, its blob, a
    part of its blob, or nothing. What stands further down or in an image before is there ``again``, and costs
    nothing. ``unpacked_size`` is null where only the estimate is there.
    """

    position: int
    diff_id: Digest
    digest: Digest
    media_type: str
    compressed_size: Bytes
    unpacked_size: Bytes | None
    unpacked_estimate: Bytes
    created_by: str
    presence: Presence
    again: bool
    to_fetch: Bytes

    @classmethod
    def of(cls, layer: LayerPreview) -> LayerPreviewOut:
        return cls(
            position=layer.position,
            diff_id=str(layer.diff_id),
            digest=str(layer.digest),
            media_type=layer.media_type,
            compressed_size=layer.size,
            unpacked_size=layer.unpacked_size,
            unpacked_estimate=layer.unpacked_estimate,
            created_by=layer.created_by,
            presence=layer.presence,
            again=layer.again,
            to_fetch=layer.to_fetch,
        )


class ImagePreviewOut(Schema):
    """One image of a pull to come; layers base first."""

    platform: str
    digest: Digest
    media_type: str
    layers: list[LayerPreviewOut]


class PreviewOut(Schema):
    """What a pull would do now. A layer that several images share counts once.

    ``to_fetch`` is exact, and stays on the disk; ``documents`` of it are indexes, manifests and configs.
    ``here`` need not be fetched. Unpacked, ``unpacked_known`` bytes come to that, and ``unpacked_guessed``,
    an estimate; ``added`` is all together. ``free`` is what the disk has left; ``room`` is ``doubtful`` where
    only the estimate does not fit.
    """

    reference: str
    digest: Digest
    images: list[ImagePreviewOut]
    to_fetch: Bytes
    documents: Bytes
    here: Bytes
    unpacked_known: Bytes
    unpacked_guessed: Bytes
    added: Bytes
    free: Bytes
    room: Room

    @classmethod
    def of(cls, preview: Preview) -> PreviewOut:
        images = [
            ImagePreviewOut(
                platform=str(image.platform),
                digest=str(image.digest),
                media_type=image.media_type,
                layers=[LayerPreviewOut.of(layer) for layer in image.layers],
            )
            for image in preview.images
        ]
        return cls(
            reference=str(preview.offer.reference),
            digest=str(preview.offer.digest),
            images=images,
            to_fetch=preview.to_fetch,
            documents=preview.documents,
            here=preview.here,
            unpacked_known=preview.unpacked_known,
            unpacked_guessed=preview.unpacked_guessed,
            added=preview.added,
            free=preview.free,
            room=preview.room,
        )

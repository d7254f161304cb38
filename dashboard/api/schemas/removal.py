"""Removing images: what would go, and what is asked for."""

from __future__ import annotations

from typing import Annotated

from ninja import Field, Schema

from dashboard.api.schemas.common import Bytes, Digest, Input, ProjectSlug
from worker.services import MOST_IMAGES, Keepers, LayerFate, WhatWouldGo


class RemovalPreviewIn(Input):
    """``images``: ids of images of one project."""

    images: list[Annotated[int, Field(ge=1, lt=2**63)]] = Field(min_length=1, max_length=MOST_IMAGES)
    project: ProjectSlug = None


class RemovalIn(RemovalPreviewIn):
    """``mark``: of the preview that was decided upon; if it means something else by now, 409 is answered."""

    mark: str | None = Field(None, max_length=64)


class UseOut(Schema):
    """How many things, and what they take on the disk."""

    count: int
    bytes: Bytes


class KeepersOut(Schema):
    """Who needs a layer also afterwards.

    ``images`` counts the other images of this project, ``image`` is the oldest of them. ``elsewhere``: an
    image of another project. ``work``: a running pull or extraction. ``container``: one that no image
    explains.
    """

    images: int
    image: int | None
    elsewhere: bool
    work: bool
    container: bool

    @classmethod
    def of(cls, keepers: Keepers) -> KeepersOut:
        return cls(
            images=keepers.images,
            image=keepers.first,
            elsewhere=keepers.elsewhere,
            work=keepers.work,
            container=keepers.container,
        )


class LayerFateOut(Schema):
    """What becomes of a layer, in bytes on the disk: of its tree, file index and compressed forms together.

    ``goes`` is null until its tree was measured.
    """

    diff_id: Digest
    on_disk: Bytes
    goes: Bytes | None
    stays: Bytes
    kept_by: KeepersOut

    @classmethod
    def of(cls, fate: LayerFate) -> LayerFateOut:
        return cls(
            diff_id=fate.diff_id,
            on_disk=fate.here,
            goes=fate.goes,
            stays=fate.stays,
            kept_by=KeepersOut.of(fate.keepers if fate.keepers.any else fate.blob_keepers),
        )


class HeldOut(Schema):
    """An image that cannot be removed: containers stand on it, or it is being extracted."""

    image: int
    containers: list[int]
    extracting: bool


class RemovalPreviewOut(Schema):
    """What removing images would free, as it is now; nothing is removed.

    ``freed`` is what ``du`` says less afterwards: ``trees`` (of extracted layers), ``indexes`` (their file
    indexes) and ``blobs`` (compressed layers, manifests, configs and indexes), less ``made``. ``unmeasured``
    layers are being measured on the disk; until that is 0, ``freed`` is too little. While ``held`` is not
    empty, the images cannot be removed. ``mark`` stands for all of this, for the removal.
    """

    images: list[int]
    freed: int
    stays: Bytes
    trees: UseOut
    indexes: UseOut
    blobs: UseOut
    made: Bytes
    unmeasured: int
    quota: Bytes
    held: list[HeldOut]
    layers: list[LayerFateOut]
    mark: str

    @classmethod
    def of(cls, what: WhatWouldGo) -> RemovalPreviewOut:
        return cls(
            images=[image.pk for image in what.images],
            freed=what.freed,
            stays=what.stays,
            trees=UseOut(count=what.trees.count, bytes=what.trees.bytes),
            indexes=UseOut(count=what.indexes.count, bytes=what.indexes.bytes),
            blobs=UseOut(count=what.blobs.count, bytes=what.blobs.bytes),
            made=what.made,
            unmeasured=what.unmeasured,
            quota=what.quota,
            held=[
                HeldOut(
                    image=image,
                    containers=[container.pk for container in what.containers.get(image, ())],
                    extracting=image in what.extracting,
                )
                for image in sorted(what.held)
            ],
            layers=[LayerFateOut.of(fate) for fate in what.layers],
            mark=what.mark,
        )

"""What goes into a pull, and what comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Literal

from worker.engine.layers import Limits
from worker.engine.oci import Descriptor, Digest, ImageConfig, Platform, Reference
from worker.engine.registry import Endpoint


class Every(Enum):
    """Stands for whatever there is."""

    PLATFORM = "all"


ALL: Final = Every.PLATFORM
"""Every platform of an index."""


@dataclass(frozen=True, slots=True)
class PullRequest:
    """What to pull, and how.

    Attributes:
        reference: The image.
        platform: Which of an index's images; None for what this machine runs.
        endpoint: How to talk to the registry.
        fetch_only: Fetch the blobs, and leave them packed.
        layers_at_once: How many layers to fetch and unpack at the same time; 0 for the number of CPUs.
        platforms: Several of an index's images, or :data:`ALL` (see :func:`pull_platforms`); empty for the
            one that ``platform`` says.
        limits: What each of its layers may be.
    """

    reference: Reference
    platform: Platform | None
    endpoint: Endpoint
    fetch_only: bool = False
    layers_at_once: int = 0
    platforms: tuple[Platform, ...] | Literal[Every.PLATFORM] = ()
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class PulledLayer:
    """One layer of a pulled image.

    Attributes:
        position: From 0, the base.
        digest: Of its blob, as the manifest names it.
        media_type: Of its blob.
        size: Of its blob, in bytes.
        blob_present: Whether its blob is in the store. It is not where the tree was here already, from
            another compressed form.
        diff_id: Its identity: the digest of the uncompressed tar.
        chain_id: The identity of it on top of the layers below.
        created_by: The command that made it; empty if not known.
        unpacked_size: Bytes of the uncompressed tar; None unless extracted.
        content_size: Bytes of its regular files; None unless extracted.
        entries: Records of its file index; None unless extracted.
        extracted: Whether its tree is in the store.
    """

    position: int
    digest: Digest
    media_type: str
    size: int
    blob_present: bool
    diff_id: Digest
    chain_id: Digest
    created_by: str
    unpacked_size: int | None
    content_size: int | None
    entries: int | None
    extracted: bool


@dataclass(frozen=True, slots=True)
class PulledImage:
    """An image that is in the store now.

    Attributes:
        reference: By which it was pulled; None if it lost that name since.
        digest: Of its manifest (not of an index that led to it).
        media_type: Of its manifest.
        config: As its builder wrote it.
        config_digest: Of the config: what Docker calls the image ID.
        platform: What it runs on, as its config says; the variant as the index says, if only that does.
        layers: Base first.
        bytes_fetched: What crossed the wire this time: layers, manifests and config.
        layers_extracted: How many were extracted this time.
        unchanged: Nothing had to be fetched or extracted.
        index: The digest of the index that led to it, the outermost; None if none did.
        index_media_type: Of that index; empty without one.
        offered: The images that the index has, whether pulled or not; each with the platform that it is for.
        attestations: The manifests in the index that speak of this image, as BuildKit puts them there.
        annotations: Of its manifest: free text of the builder.
    """

    reference: Reference | None
    digest: Digest
    media_type: str
    config: ImageConfig
    config_digest: Digest
    platform: Platform
    layers: tuple[PulledLayer, ...]
    bytes_fetched: int
    layers_extracted: int
    unchanged: bool
    index: Digest | None = None
    index_media_type: str = ""
    offered: tuple[Descriptor, ...] = ()
    attestations: tuple[Descriptor, ...] = ()
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False)

"""Descriptors: typed, sized, verified pointers to content (OCI image spec, descriptor.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from worker.engine.oci import json_values as read
from worker.engine.oci.digest import Digest
from worker.engine.oci.media_types import Compression
from worker.engine.oci.platform import Platform


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What some content is, and how to know that it is the right one.

    Attributes:
        media_type: What the bytes are.
        digest: Of the bytes as they are stored and sent.
        size: Of those bytes.
        urls: Where else the content may be had; only foreign layers carry some.
        annotations: Free text of the builder.
        platform: In an index: what the manifest is for. None when it does not say.
        artifact_type: In an index: what an artifact's manifest holds; empty for images.
    """

    media_type: str
    digest: Digest
    size: int
    urls: tuple[str, ...] = ()
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False)
    platform: Platform | None = None
    artifact_type: str = ""

    @classmethod
    def parse(cls, value: Mapping[str, Any], what: str = "descriptor") -> Self:
        """Read a descriptor's JSON object; ``what`` names it in messages.

        Raises:
            InvalidManifest: a required field is missing or a field is malformed.
        """
        return cls(
            media_type=read.text(value, "mediaType", what),
            digest=read.digest(read.text(value, "digest", what), what),
            size=read.natural(value, "size", what),
            urls=read.texts(value, "urls", what),
            annotations=read.text_map(value, "annotations", what),
            platform=_platform(read.child(value, "platform", what), what),
            artifact_type=read.text(value, "artifactType", what, default=""),
        )

    @property
    def compression(self) -> Compression:
        """How this layer is compressed.

        Raises:
            UnsupportedMediaType: it is not a layer that can be read.
        """
        return Compression.of(self.media_type)


def _platform(value: Mapping[str, Any], what: str) -> Platform | None:
    if not value:
        return None
    platform = Platform(
        os=read.text(value, "os", what, default=""),
        architecture=read.text(value, "architecture", what, default=""),
        variant=read.text(value, "variant", what, default=""),
    )
    # An entry of which nobody could say for what it is must not make the others useless.
    return platform if platform.possible else Platform("unknown", "unknown")

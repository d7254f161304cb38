"""Image manifests (OCI image spec, manifest.md; Docker image manifest version 2, schema 2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from worker.engine.errors import InvalidManifest, NotAnImage
from worker.engine.oci import json_values as read
from worker.engine.oci.artifacts import name_artifact
from worker.engine.oci.descriptor import Descriptor
from worker.engine.oci.digest import Digest
from worker.engine.oci.documents import Document, Kind, classify
from worker.engine.oci.media_types import CONFIG_TYPES, is_layer

LAYERS_MAX = 2000  # OverlayFS stacks 500; this only bounds the work that a hostile manifest can cause
SIZE_MAX = 1 << 50  # bytes of all layers, far beyond any; so that sums over many images stay below 2**63


@dataclass(frozen=True, slots=True)
class Manifest:
    """One image for one platform: its config and its layers.

    Attributes:
        media_type: OCI's or Docker's.
        config: Where the image's config is.
        layers: Base first.
        annotations: Free text of the builder; empty in Docker's form.
        raw: The bytes, on which the manifest's digest is computed.
    """

    media_type: str
    config: Descriptor
    layers: tuple[Descriptor, ...]
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False)
    raw: bytes = field(default=b"", repr=False)

    @classmethod
    def parse(cls, raw: bytes, content_type: str = "") -> Self:
        """Read a manifest; ``content_type`` is what the registry called it (it may be empty).

        Raises:
            InvalidManifest: it is malformed, contradicts its media type, or is an index.
            NotAnImage: it describes something else: a Helm chart, a signature, any other artifact.
            UnsupportedMediaType: Docker's schema 1, or a type that nobody knows.
        """
        return cls.of(classify(raw, content_type))

    @classmethod
    def of(cls, document: Document) -> Self:
        """Like :meth:`parse`, of a document whose kind is known."""
        if document.kind is not Kind.MANIFEST:
            raise InvalidManifest("This is an index, where the manifest of one image was expected.")
        body = document.body
        artifact_type = read.text(body, "artifactType", "manifest", default="")
        config = read.child(body, "config", "manifest")
        if not config:
            raise InvalidManifest("The manifest has no config.")
        found = cls(
            media_type=document.media_type,
            config=Descriptor.parse(config, "config's descriptor"),
            layers=tuple(
                Descriptor.parse(layer, f"descriptor of layer {position}")
                for position, layer in enumerate(read.children(body, "layers", "manifest"))
            ),
            annotations=read.text_map(body, "annotations", "manifest"),
            raw=document.raw,
        )
        found._check_image(artifact_type)
        return found

    @property
    def digest(self) -> Digest:
        """The manifest's own digest: the identity of the image."""
        return Digest.of(self.raw)

    @property
    def compressed_size(self) -> int:
        """Bytes of all layers' blobs together, as the registry stores them."""
        return sum(layer.size for layer in self.layers)

    def _check_image(self, artifact_type: str) -> None:
        """Refuse what only looks like an image; signatures and models even carry an image's config type."""
        if self.config.media_type not in CONFIG_TYPES:
            raise NotAnImage(
                f"This is {name_artifact(artifact_type or self.config.media_type)}, not an image."
            )
        if len(self.layers) > LAYERS_MAX:
            raise InvalidManifest(f"The manifest has {len(self.layers)} layers, more than {LAYERS_MAX}.")
        if self.compressed_size > SIZE_MAX:
            raise InvalidManifest(f"The manifest has layers of {self.compressed_size} bytes: that cannot be.")
        for layer in self.layers:
            if not is_layer(layer.media_type):
                raise NotAnImage(f"This is {name_artifact(artifact_type or layer.media_type)}, not an image.")

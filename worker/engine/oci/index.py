"""Image indexes: one name for several platforms (OCI image spec, image-index.md; Docker manifest lists)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from worker.engine.errors import InvalidManifest, NotAnImage, PlatformNotFound
from worker.engine.oci import json_values as read
from worker.engine.oci.artifacts import name_artifact
from worker.engine.oci.descriptor import Descriptor
from worker.engine.oci.digest import Digest
from worker.engine.oci.documents import Document, Kind, classify
from worker.engine.oci.manifest import Manifest
from worker.engine.oci.media_types import INDEX_TYPES, MANIFEST_TYPES
from worker.engine.oci.platform import Platform

MANIFESTS_MAX = 2000
_NAMED_MAX = 30  # platforms in a message; the largest official images have about 15


@dataclass(frozen=True, slots=True)
class Index:
    """The manifests of one image for several platforms.

    Attributes:
        media_type: OCI's or Docker's.
        manifests: In the builder's order; attestations and other companions are among them.
        annotations: Free text of the builder.
        raw: The bytes, on which the index's digest is computed.
    """

    media_type: str
    manifests: tuple[Descriptor, ...]
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False)
    raw: bytes = field(default=b"", repr=False)

    @classmethod
    def parse(cls, raw: bytes, content_type: str = "") -> Self:
        """Read an index; ``content_type`` is what the registry called it (it may be empty).

        Raises:
            InvalidManifest: it is malformed, contradicts its media type, or is a single manifest.
            NotAnImage: it lists no manifests but something else: a build cache.
            UnsupportedMediaType: Docker's schema 1, or a type that nobody knows.
        """
        return cls.of(classify(raw, content_type))

    @classmethod
    def of(cls, document: Document) -> Self:
        """Like :meth:`parse`, of a document whose kind is known."""
        if document.kind is not Kind.INDEX:
            raise InvalidManifest("This is the manifest of one image, where an index was expected.")
        entries = read.children(document.body, "manifests", "index")
        if len(entries) > MANIFESTS_MAX:
            raise InvalidManifest(f"The index has {len(entries)} entries, more than {MANIFESTS_MAX}.")
        found = cls(
            media_type=document.media_type,
            manifests=tuple(
                Descriptor.parse(entry, f"entry {position} of the index")
                for position, entry in enumerate(entries)
            ),
            annotations=read.text_map(document.body, "annotations", "index"),
            raw=document.raw,
        )
        foreign = [entry for entry in found.manifests if not _is_manifest(entry)]
        if foreign and len(foreign) == len(found.manifests):
            # A build cache is an index of layers, whose last entry tells what it is.
            raise NotAnImage(f"This is {name_artifact(foreign[-1].media_type)}, not an image.")
        return found

    @property
    def digest(self) -> Digest:
        """The index's own digest."""
        return Digest.of(self.raw)

    @property
    def images(self) -> tuple[Descriptor, ...]:
        """The entries that are images, or indexes of images, without attestations and artifacts."""
        return tuple(entry for entry in self.manifests if _is_manifest(entry) and not _is_companion(entry))

    @property
    def platforms(self) -> tuple[Platform, ...]:
        """The platforms that it offers, each once, in its order."""
        return tuple(dict.fromkeys(image.platform for image in self.images if image.platform is not None))

    def attestations_of(self, image: Digest) -> tuple[Descriptor, ...]:
        """The manifests that BuildKit put beside an image to speak of it."""
        mine = str(image)
        return tuple(
            entry for entry in self.manifests if entry.annotations.get("vnd.docker.reference.digest") == mine
        )

    def select(self, wanted: Platform | None = None) -> Descriptor:
        """Choose the entry for a platform, the host's by default.

        The same variant is best, then the nearest lower one; among equals the first, as the spec says. An
        only entry that does not name its platform is taken: its config will tell. The entry may be an
        index itself.

        Raises:
            PlatformNotFound: none fits; the message names the platforms that exist.
        """
        wanted = (wanted or Platform.host()).normal
        fits = [
            (distance, position)
            for position, image in enumerate(self.images)
            if image.platform is not None and (distance := image.platform.distance(wanted)) is not None
        ]
        if fits:
            return self.images[min(fits)[1]]
        if len(self.images) == 1 and self.images[0].platform is None:
            return self.images[0]
        offered = ", ".join(str(platform) for platform in self.platforms[:_NAMED_MAX]) or "none"
        offered += ", …" if len(self.platforms) > _NAMED_MAX else ""
        raise PlatformNotFound(f"The image does not exist for {wanted}; it exists for: {offered}.")


def parse_manifest(raw: bytes, content_type: str = "") -> Manifest | Index:
    """Read what a registry sent under ``manifests/``, of either kind; raises what the two parsers raise."""
    document = classify(raw, content_type)
    return Index.of(document) if document.kind is Kind.INDEX else Manifest.of(document)


def _is_manifest(entry: Descriptor) -> bool:
    return entry.media_type in MANIFEST_TYPES or entry.media_type in INDEX_TYPES


def _is_companion(entry: Descriptor) -> bool:
    """Attestations and other artifacts that accompany the images of an index."""
    return (
        bool(entry.artifact_type)
        or "vnd.docker.reference.type" in entry.annotations
        or (entry.platform is not None and not entry.platform.known)
    )

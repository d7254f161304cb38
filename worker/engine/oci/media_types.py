"""Media types of OCI images and of Docker's schema 2 (OCI image spec, media-types.md)."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from worker.engine.errors import UnsupportedMediaType


class MediaType(StrEnum):
    """The types that Strata reads, and two that it must recognise in order to refuse them."""

    OCI_INDEX = "application/vnd.oci.image.index.v1+json"
    OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
    OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
    OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
    OCI_LAYER_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
    OCI_LAYER_ZSTD = "application/vnd.oci.image.layer.v1.tar+zstd"
    OCI_FOREIGN_LAYER = "application/vnd.oci.image.layer.nondistributable.v1.tar"
    OCI_FOREIGN_LAYER_GZIP = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
    OCI_FOREIGN_LAYER_ZSTD = "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd"
    DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"
    DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
    DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
    DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar"
    DOCKER_LAYER_GZIP = "application/vnd.docker.image.rootfs.diff.tar.gzip"
    DOCKER_LAYER_ZSTD = "application/vnd.docker.image.rootfs.diff.tar.zstd"
    DOCKER_FOREIGN_LAYER = "application/vnd.docker.image.rootfs.foreign.diff.tar"
    DOCKER_FOREIGN_LAYER_GZIP = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
    DOCKER_SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+json"
    DOCKER_SCHEMA1_SIGNED = "application/vnd.docker.distribution.manifest.v1+prettyjws"


INDEX_TYPES = frozenset({MediaType.OCI_INDEX, MediaType.DOCKER_INDEX})
MANIFEST_TYPES = frozenset({MediaType.OCI_MANIFEST, MediaType.DOCKER_MANIFEST})
CONFIG_TYPES = frozenset({MediaType.OCI_CONFIG, MediaType.DOCKER_CONFIG})
SCHEMA1_TYPES = frozenset({MediaType.DOCKER_SCHEMA1, MediaType.DOCKER_SCHEMA1_SIGNED})

# Schema 1 is not asked for: a registry that has nothing else shall say so instead of converting.
ACCEPTED_MANIFESTS = (
    MediaType.OCI_INDEX,
    MediaType.OCI_MANIFEST,
    MediaType.DOCKER_INDEX,
    MediaType.DOCKER_MANIFEST,
)


class Compression(StrEnum):
    """How the tar of a layer is compressed."""

    NONE = "none"
    GZIP = "gzip"
    ZSTD = "zstd"

    @classmethod
    def of(cls, media_type: str) -> Self:
        """Tell the compression from a layer's media type.

        Raises:
            UnsupportedMediaType: it is not the type of a layer that can be read.
        """
        name = _LAYERS.get(media_type)
        if name is not None:
            return cls(name)
        if media_type.endswith("+encrypted"):
            raise UnsupportedMediaType(
                f"A layer is encrypted ({media_type[:200]}).", hint="Pull an image that is not encrypted."
            )
        raise UnsupportedMediaType(
            f"A layer has the media type {media_type[:200]!r}, which is not supported."
        )


_LAYERS: dict[str, str] = {
    MediaType.OCI_LAYER: Compression.NONE,
    MediaType.OCI_LAYER_GZIP: Compression.GZIP,
    MediaType.OCI_LAYER_ZSTD: Compression.ZSTD,
    MediaType.OCI_FOREIGN_LAYER: Compression.NONE,
    MediaType.OCI_FOREIGN_LAYER_GZIP: Compression.GZIP,
    MediaType.OCI_FOREIGN_LAYER_ZSTD: Compression.ZSTD,
    MediaType.DOCKER_LAYER: Compression.NONE,
    MediaType.DOCKER_LAYER_GZIP: Compression.GZIP,
    MediaType.DOCKER_LAYER_ZSTD: Compression.ZSTD,
    MediaType.DOCKER_FOREIGN_LAYER: Compression.NONE,
    MediaType.DOCKER_FOREIGN_LAYER_GZIP: Compression.GZIP,
}

_FOREIGN = frozenset(name for name in _LAYERS if ".foreign." in name or ".nondistributable." in name)


def is_layer(media_type: str) -> bool:
    """Whether this is the type of an image's layer, of any compression, encrypted ones included."""
    return media_type.removesuffix("+encrypted") in _LAYERS


def is_foreign(media_type: str) -> bool:
    """Whether a layer of this type need not be in the registry that has its image (Windows' base layers)."""
    return media_type in _FOREIGN

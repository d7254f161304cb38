"""The values of the OCI image and distribution specs: parsed once, at the edge; frozen ever after."""

from __future__ import annotations

from worker.engine.oci.chain import chain_ids
from worker.engine.oci.config import History, ImageConfig, layer_commands
from worker.engine.oci.descriptor import Descriptor
from worker.engine.oci.digest import Digest
from worker.engine.oci.index import Index, parse_manifest
from worker.engine.oci.manifest import Manifest
from worker.engine.oci.media_types import (
    ACCEPTED_MANIFESTS,
    CONFIG_TYPES,
    INDEX_TYPES,
    MANIFEST_TYPES,
    Compression,
    MediaType,
    is_foreign,
    is_layer,
)
from worker.engine.oci.platform import Platform
from worker.engine.oci.reference import DEFAULT_REGISTRY, DEFAULT_TAG, Reference

__all__ = [
    "ACCEPTED_MANIFESTS",
    "CONFIG_TYPES",
    "DEFAULT_REGISTRY",
    "DEFAULT_TAG",
    "INDEX_TYPES",
    "MANIFEST_TYPES",
    "Compression",
    "Descriptor",
    "Digest",
    "History",
    "ImageConfig",
    "Index",
    "Manifest",
    "MediaType",
    "Platform",
    "Reference",
    "chain_ids",
    "is_foreign",
    "is_layer",
    "layer_commands",
    "parse_manifest",
]

"""Manifests, indexes and configs: from the store if they are there, else from the registry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from worker.engine.errors import InvalidManifest, PlatformNotFound, StoreDamaged
from worker.engine.oci import Descriptor, Digest, ImageConfig, Index, Manifest, Platform, parse_manifest
from worker.engine.registry import MANIFEST_MAX, RegistryClient
from worker.engine.store import Store

CONFIG_MAX = 8 << 20  # bytes; real ones have thousands
_NESTING_MAX = 4


class Documents(Protocol):
    """Where manifests and configs come from. Both methods return verified bytes."""

    def manifest(self, digest: Digest) -> tuple[bytes, str]:
        """A manifest or index, and what its source calls it (may be empty)."""

    def config(self, descriptor: Descriptor) -> bytes:
        """An image's config."""


class StoredDocuments:
    """From the store alone."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def manifest(self, digest: Digest) -> tuple[bytes, str]:
        return self._store.blobs.read(digest, MANIFEST_MAX), ""

    def config(self, descriptor: Descriptor) -> bytes:
        return self._store.blobs.read(descriptor.digest, CONFIG_MAX)


class FetchedDocuments:
    """From the store if they are there and intact, else from the registry.

    Attributes:
        fetched: Bytes that came from the registry.
    """

    def __init__(self, store: Store, client: RegistryClient, repository: str) -> None:
        self._stored = StoredDocuments(store)
        self._client = client
        self._repository = repository
        self.fetched = 0

    def manifest(self, digest: Digest) -> tuple[bytes, str]:
        try:
            return self._stored.manifest(digest)
        except StoreDamaged:
            raw, content_type, _ = self._client.manifest((self._repository, digest))
            self.fetched += len(raw)
            return raw, content_type

    def config(self, descriptor: Descriptor) -> bytes:
        try:
            return self._stored.config(descriptor)
        except StoreDamaged:
            raw = self._client.blob_bytes(self._repository, descriptor, CONFIG_MAX)
            self.fetched += len(raw)
            return raw


@dataclass(frozen=True, slots=True)
class Selected:
    """One image for one platform, described but not yet there.

    Attributes:
        manifest: Its manifest.
        config: Its config, which fits the manifest.
        raw: Everything that was read on the way: indexes, manifest, config.
    """

    manifest: Manifest
    config: ImageConfig
    raw: tuple[bytes, ...]


def select(documents: Documents, digest: Digest, wanted: Platform | None) -> Selected:
    """Follow a digest through indexes to the image for a platform, and read its config.

    Raises:
        ContentError: there is none, or it is no consistent image.
        RegistryError, StoreError: as the source fails.
    """
    raw: list[bytes] = []
    manifest = _find(documents, digest, wanted, raw)
    content = documents.config(manifest.config)
    config = ImageConfig.parse(content)
    if len(config.diff_ids) != len(manifest.layers):
        raise InvalidManifest(
            f"The image has {len(manifest.layers)} layers, but its config lists {len(config.diff_ids)}."
        )
    if len(raw) == 1 and wanted is not None and config.platform.distance(wanted) is None:
        # No index had a say: the reference has one image, of whatever platform.
        raise PlatformNotFound(f"The image does not exist for {wanted}; it exists for: {config.platform}.")
    return Selected(manifest, config, (*raw, content))


def _find(documents: Documents, digest: Digest, wanted: Platform | None, read: list[bytes]) -> Manifest:
    for _ in range(_NESTING_MAX):
        raw, content_type = documents.manifest(digest)
        read.append(raw)
        document = parse_manifest(raw, content_type)
        if not isinstance(document, Index):
            return document
        digest = document.select(wanted).digest
    raise InvalidManifest(f"Indexes are nested more than {_NESTING_MAX - 1} deep.")

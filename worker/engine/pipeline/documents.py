"""Manifests, indexes and configs: from the store if they are there, else from the registry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from worker.engine.errors import InvalidManifest, PlatformNotFound, StoreDamaged
from worker.engine.oci import Descriptor, Digest, ImageConfig, Index, Manifest, Platform, parse_manifest
from worker.engine.registry import MANIFEST_MAX, RegistryClient
from worker.engine.store import Store

CONFIG_MAX = 8 << 20  # bytes; real ones have thousands
NESTING_MAX = 4


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
        indexes: Those that led to it, the outermost first.
    """

    manifest: Manifest
    config: ImageConfig
    raw: tuple[bytes, ...]
    indexes: tuple[Index, ...] = ()

    @property
    def platform(self) -> Platform:
        """What it runs on, as its config says; the variant as the index says, if only that does.

        Images for several variants of arm have configs that differ in nothing else.
        """
        own = self.config.platform
        if own.variant or not self.indexes:
            return own
        for entry in self.indexes[-1].images:
            if entry.digest == self.manifest.digest and entry.platform is not None:
                named = entry.platform.normal
                same = (named.os, named.architecture) == (own.normal.os, own.normal.architecture)
                if same and entry.platform.variant and named.variant:
                    return Platform(own.os, own.architecture, named.variant)
        return own


def select(documents: Documents, digest: Digest, wanted: Platform | None) -> Selected:
    """Follow a digest through indexes to the image for a platform, and read its config.

    Raises:
        ContentError: there is none, or it is no consistent image.
        RegistryError, StoreError: as the source fails.
    """
    indexes: list[Index] = []
    for _ in range(NESTING_MAX):
        document = read_manifest(documents, digest)
        if not isinstance(document, Index):
            break
        indexes.append(document)
        digest = document.select(wanted).digest
    else:
        raise InvalidManifest(f"Indexes are nested more than {NESTING_MAX - 1} deep.")
    image = with_config(documents, document, indexes)
    if not indexes and wanted is not None and image.platform.distance(wanted) is None:
        # No index had a say: the reference has one image, of whatever platform.
        raise PlatformNotFound(f"The image does not exist for {wanted}; it exists for: {image.platform}.")
    return image


def read_manifest(documents: Documents, digest: Digest) -> Manifest | Index:
    """Read a manifest or index; raises as :func:`select`."""
    return parse_manifest(*documents.manifest(digest))


def with_config(documents: Documents, manifest: Manifest, indexes: Sequence[Index]) -> Selected:
    """Read the config of an image that ``indexes`` led to; raises as :func:`select`."""
    content = documents.config(manifest.config)
    config = ImageConfig.parse(content)
    if len(config.diff_ids) != len(manifest.layers):
        raise InvalidManifest(
            f"The image has {len(manifest.layers)} layers, but its config lists {len(config.diff_ids)}."
        )
    raw = (*(index.raw for index in indexes), manifest.raw, content)
    return Selected(manifest, config, raw, tuple(indexes))

"""What a reference offers: the platforms that it has an image for, before any of them is pulled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from worker.engine.cancel import CancelToken
from worker.engine.disk import disk_errors
from worker.engine.errors import InvalidManifest, StoreDamaged
from worker.engine.oci import INDEX_TYPES, Descriptor, Digest, Index, Manifest, Platform, Reference
from worker.engine.pipeline.choice import Remembered
from worker.engine.pipeline.documents import (
    Documents,
    FetchedDocuments,
    StoredDocuments,
    read_manifest,
    with_config,
)
from worker.engine.pipeline.values import PullRequest
from worker.engine.registry import RegistryClient, RetryPolicy
from worker.engine.registry.rate_limit import OnRateLimit, ignore_rate_limit
from worker.engine.store import Store

_INDEXES_MAX = 20  # read for one offer; real images have one


@dataclass(frozen=True, slots=True)
class OfferedPlatform:
    """One platform that there is an image for.

    Attributes:
        platform: What to ask for.
        digest: Of its manifest.
        size: Bytes of its layers' blobs; None unless its manifest is known without asking for it.
    """

    platform: Platform
    digest: Digest
    size: int | None


@dataclass(frozen=True, slots=True)
class Offer:
    """What a reference leads to right now.

    Attributes:
        digest: Of the index, or of the only manifest.
        media_type: Of the same.
        platforms: Each once, in the index's order; attestations and other companions are none.
    """

    reference: Reference
    digest: Digest
    media_type: str
    platforms: tuple[OfferedPlatform, ...]

    @property
    def default(self) -> Platform | None:
        """What a pull that names no platform takes: this machine's, or the only one; None if it fails."""
        if self.media_type not in INDEX_TYPES:
            return self.platforms[0].platform
        host = Platform.host()
        fits = [
            (distance, position)
            for position, one in enumerate(self.platforms)
            if (distance := one.platform.distance(host)) is not None
        ]
        return self.platforms[min(fits)[1]].platform if fits else None


def offered(
    store: Store,
    request: PullRequest,
    cancel: CancelToken | None = None,
    retries: RetryPolicy | None = None,
    on_rate_limit: OnRateLimit = ignore_rate_limit,
) -> Offer:
    """Ask what a reference offers, with one request more than finding it takes; nothing is written.

    The platforms that ``request`` wants do not matter.

    Raises:
        RegistryError: the registry cannot be reached, or does not have it.
        ContentError: it is no image.
        StoreError: the store cannot be read.
        Cancelled
    """
    reference = request.reference
    with (
        disk_errors("read the store"),
        RegistryClient(
            request.endpoint, cancel=cancel, retries=retries, on_rate_limit=on_rate_limit
        ) as client,
    ):
        digest = client.resolve(reference).digest
        documents = Remembered(FetchedDocuments(store, client, reference.repository))
        return read_offer(store, documents, reference, digest)


def read_offer(store: Store, documents: Documents, reference: Reference, digest: Digest) -> Offer:
    """Describe what stands under a digest; raises as :func:`offered`."""
    document = read_manifest(documents, digest)
    once: dict[Platform, OfferedPlatform] = {}
    for one in _offered(store, documents, document):
        # Of two images for the same platform, which an index of Windows images has, a pull takes the first.
        once.setdefault(one.platform.normal, one)
    return Offer(reference, digest, document.media_type, tuple(once.values()))


def _offered(store: Store, documents: Documents, top: Manifest | Index) -> Iterator[OfferedPlatform]:
    waiting: list[Manifest | Index | Descriptor] = [top]
    read = 0
    while waiting:
        current = waiting.pop(0)
        if isinstance(current, Manifest):
            platform = with_config(documents, current, ()).platform
            yield OfferedPlatform(platform, current.digest, current.compressed_size)
        elif isinstance(current, Index):
            read += 1
            if read > _INDEXES_MAX:
                raise InvalidManifest(f"More than {_INDEXES_MAX} indexes are nested.")
            waiting[:0] = _choosable(current.images)
        elif current.platform is None or current.media_type in INDEX_TYPES:
            waiting.insert(0, read_manifest(documents, current.digest))
        else:
            yield OfferedPlatform(current.platform, current.digest, _size(store, current.digest))


def _choosable(entries: Iterable[Descriptor]) -> list[Descriptor]:
    """Those that can be asked for: by their platform, or because there is no other."""
    found = list(entries)
    if len(found) == 1:
        return found
    return [entry for entry in found if entry.platform is not None or entry.media_type in INDEX_TYPES]


def _size(store: Store, digest: Digest) -> int | None:
    try:
        document = read_manifest(StoredDocuments(store), digest)
    except StoreDamaged:
        return None
    return document.compressed_size if isinstance(document, Manifest) else None

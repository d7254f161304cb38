"""Choosing several images of one index, or all of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from worker.engine.errors import InvalidManifest, PlatformNotFound
from worker.engine.oci import INDEX_TYPES, Descriptor, Digest, Index, Manifest, Platform
from worker.engine.pipeline.documents import (
    NESTING_MAX,
    Documents,
    Selected,
    read_manifest,
    select,
    with_config,
)
from worker.engine.pipeline.values import ALL, Every

Wanted = Sequence[Platform | None] | Literal[Every.PLATFORM]
"""Platforms, of which None is what this machine runs; or all."""

_INDEXES_MAX = 50  # that one pull reads; real ones have one


def select_platforms(documents: Documents, digest: Digest, wanted: Wanted) -> tuple[Selected, ...]:
    """Follow a digest to the images for several platforms, and read their configs.

    Each image comes once, and so does each platform: of two images for the same one, which an index of
    Windows images has, the first counts. The one for this machine is the first, if it is among them; the
    others keep their order.

    Raises:
        PlatformNotFound: one of the platforms does not exist; the message names those that do.
        ContentError: there is none, or it is no consistent image.
        RegistryError, StoreError: as the source fails.
    """
    once = Remembered(documents)
    if wanted is ALL:
        return _distinct(_every(once, digest))
    if len(wanted) > 1:
        _require(read_manifest(once, digest), wanted)
    return _distinct([select(once, digest, platform) for platform in wanted])


def offered(images: Iterable[Selected]) -> tuple[Descriptor, ...]:
    """The images that the index of these has, and those of nested indexes as far as they were read."""
    found: dict[tuple[Digest, str], Descriptor] = {}
    for image in images:
        read = {index.digest: index for index in image.indexes}
        for entry in _leaves(image.indexes[:1], read):
            if entry.platform is not None:
                found.setdefault((entry.digest, str(entry.platform)), entry)
    return tuple(found.values())


def attestations(image: Selected) -> tuple[Descriptor, ...]:
    """The manifests that BuildKit put beside an image to speak of it."""
    digest = image.manifest.digest
    return tuple(entry for index in image.indexes for entry in index.attestations_of(digest))


class Remembered:
    """Reads each manifest, index and config once."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._manifests: dict[Digest, tuple[bytes, str]] = {}
        self._configs: dict[Digest, bytes] = {}

    def manifest(self, digest: Digest) -> tuple[bytes, str]:
        if digest not in self._manifests:
            self._manifests[digest] = self._documents.manifest(digest)
        return self._manifests[digest]

    def config(self, descriptor: Descriptor) -> bytes:
        if descriptor.digest not in self._configs:
            self._configs[descriptor.digest] = self._documents.config(descriptor)
        return self._configs[descriptor.digest]


def _require(document: Manifest | Index, wanted: Sequence[Platform | None]) -> None:
    """Find out about all platforms before anything else is read."""
    if not isinstance(document, Index):
        return
    missing: list[str] = []
    for platform in wanted:
        try:
            document.select(platform)
        except PlatformNotFound:
            missing.append(str((platform or Platform.host()).normal))
    if missing:
        there = ", ".join(str(platform) for platform in document.platforms) or "none"
        raise PlatformNotFound(f"The image does not exist for {', '.join(missing)}; it exists for: {there}.")


def _every(documents: Documents, digest: Digest) -> Iterator[Selected]:
    waiting: list[tuple[Digest, tuple[Index, ...]]] = [(digest, ())]
    read = 0
    while waiting:
        current, above = waiting.pop(0)
        document = read_manifest(documents, current)
        if not isinstance(document, Index):
            yield with_config(documents, document, above)
            continue
        read += 1
        if len(above) + 1 >= NESTING_MAX or read > _INDEXES_MAX:
            raise InvalidManifest(
                f"Indexes are nested more than {NESTING_MAX - 1} deep, or more than {_INDEXES_MAX}."
            )
        entries = _one_for_each(document.images)
        if not entries:
            raise PlatformNotFound("The index has no image for any platform.")
        waiting[:0] = [(entry.digest, (*above, document)) for entry in entries]


def _one_for_each(entries: Iterable[Descriptor]) -> list[Descriptor]:
    """Of several entries for one platform the first; and those that do not say what they are for."""
    kept: dict[object, Descriptor] = {}
    for entry in entries:
        kept.setdefault(entry.platform.normal if entry.platform is not None else entry.digest, entry)
    return list(kept.values())


def _distinct(images: Iterable[Selected]) -> tuple[Selected, ...]:
    """Each image and each platform once; the image for this machine in front."""
    digests: set[Digest] = set()
    found: dict[str, Selected] = {}
    for image in images:
        if image.manifest.digest not in digests:
            digests.add(image.manifest.digest)
            found.setdefault(str(image.platform), image)
    host = Platform.host()
    return tuple(sorted(found.values(), key=lambda image: image.platform.distance(host) is None))


def _leaves(indexes: Iterable[Index], read: dict[Digest, Index]) -> Iterator[Descriptor]:
    for index in indexes:
        for entry in index.images:
            inner = read.get(entry.digest)
            if inner is not None:
                yield from _leaves([inner], {digest: one for digest, one in read.items() if one is not inner})
            elif entry.media_type not in INDEX_TYPES:
                yield entry

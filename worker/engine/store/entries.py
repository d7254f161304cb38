"""The entries of a list of images: what they say, and how they are written (OCI image layout, index.json)."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from worker.engine.errors import InvalidDigest, StoreDamaged
from worker.engine.oci import Descriptor, MediaType
from worker.engine.oci.digest import Digest

REF_NAME = "org.opencontainers.image.ref.name"
ORIGINAL = "dev.strata.manifest"
"""Annotation of a listed manifest: the digest of the one in Docker's form that it was made from."""
INDEX = "dev.strata.index"
"""Annotation of a listed manifest: the digest of the index that led to it, which is kept as a blob."""
ORIGIN = "dev.strata.origin"
"""Annotation of a listed manifest without a name: the last name that it was pulled by."""
_NAME = "dev.strata.name"
"""Annotation of one platform's manifest, whose name means an index of several: that name."""
_PLATFORMS = "dev.strata.platforms"
"""Annotation of an index that Strata made of the platforms that are here: their number."""


@dataclass(frozen=True, slots=True)
class StoredImage:
    """One image that the store holds.

    Attributes:
        name: The full reference that it was last pulled by; empty when that name has moved on.
        descriptor: Of its manifest, with its platform.
    """

    name: str
    descriptor: Descriptor

    @property
    def slot(self) -> tuple[str, str]:
        """What only one image of a list can be: this name, for this platform."""
        return self.name, str(self.descriptor.platform)

    @property
    def digest(self) -> Digest:
        """Of its manifest as the registry has it; the listed one may be that one's OCI form.

        Raises:
            StoreDamaged: the list says something impossible.
        """
        original = self.descriptor.annotations.get(ORIGINAL)
        return self.descriptor.digest if original is None else _parse(original)

    def is_one_of(self, digests: Collection[Digest]) -> bool:
        """Whether its manifest is among these, as the registry has it or as it is listed.

        Raises:
            StoreDamaged: the list says something impossible.
        """
        return self.descriptor.digest in digests or self.digest in digests

    @property
    def origin(self) -> str:
        """The full reference that it was last pulled by; empty if an early version forgot it."""
        return self.name or self.descriptor.annotations.get(ORIGIN, "")

    @property
    def index(self) -> Digest | None:
        """Of the index that led to it when it was pulled, the outermost; None if none did.

        Raises:
            StoreDamaged: the list says something impossible.
        """
        text = self.descriptor.annotations.get(INDEX, "")
        return _parse(text) if text else None


def groups_of(images: Iterable[StoredImage]) -> Iterable[list[StoredImage]]:
    """Those that one name means, together; one without a name is alone."""
    groups: dict[object, list[StoredImage]] = {}
    for position, image in enumerate(images):
        groups.setdefault(image.name or position, []).append(image)
    return groups.values()


def index_of(group: Iterable[StoredImage]) -> bytes:
    """The index that is made for the images that one name means."""
    return index_form(_entry(image.descriptor, {}) for image in group)


def _made_for(images: Iterable[StoredImage]) -> dict[Digest, int]:
    raws = [index_of(group) for group in groups_of(images) if len(group) > 1]
    return {Digest.of(raw): len(raw) for raw in raws}


def made_without(
    images: Sequence[StoredImage], digests: Collection[Digest]
) -> tuple[frozenset[Digest], dict[Digest, int]]:
    """What forgetting these would do to the indexes that a list makes for names with several platforms.

    Args:
        images: All of the list.

    Returns:
        Those that go, and those that come instead, with their sizes in bytes.

    Raises:
        StoreDamaged: the list says something impossible.
    """
    names = {image.name for image in images if image.is_one_of(digests)} - {""}
    concerned = [image for image in images if image.name in names]
    before = _made_for(concerned)
    after = _made_for([image for image in concerned if not image.is_one_of(digests)])
    return frozenset(before.keys() - after.keys()), {
        digest: size for digest, size in after.items() if digest not in before
    }


def is_made(entry: Descriptor) -> bool:
    """Whether it is of an index that was made for a name with several platforms."""
    return _PLATFORMS in entry.annotations


def load(entry: Descriptor) -> StoredImage:
    """The image that an entry is about."""
    annotations = dict(entry.annotations)
    shown = annotations.pop(REF_NAME, "")
    name = annotations.pop(_NAME, shown)
    return StoredImage(name, replace(entry, annotations=annotations))


def _parse(text: str) -> Digest:
    try:
        return Digest.parse(text)
    except InvalidDigest as error:
        raise StoreDamaged("The list of images is damaged: it refers to what is no digest.") from error


def index_form(entries: Iterable[dict[str, object]], indent: int | None = None) -> bytes:
    """An image index with these entries, as JSON."""
    document = {"schemaVersion": 2, "mediaType": MediaType.OCI_INDEX, "manifests": list(entries)}
    return json.dumps(document, indent=indent).encode()


def alone(image: StoredImage) -> dict[str, object]:
    """The entry of an image whose name means nothing else."""
    return _entry(image.descriptor, {REF_NAME: image.name} if image.name else {})


def of_platforms(name: str, index: Descriptor, count: int) -> dict[str, object]:
    """The entry of the index that was made for a name with ``count`` platforms."""
    return _entry(index, {REF_NAME: name, _PLATFORMS: str(count)})


def among_platforms(image: StoredImage) -> dict[str, object]:
    """The entry of an image whose name means images for other platforms as well."""
    alias = f"{image.name}@{image.descriptor.platform}"
    return _entry(image.descriptor, {REF_NAME: alias, _NAME: image.name})


def _entry(descriptor: Descriptor, more: dict[str, str]) -> dict[str, object]:
    annotations, platform = {**descriptor.annotations, **more}, descriptor.platform
    entry: dict[str, object] = {
        "mediaType": descriptor.media_type,
        "digest": str(descriptor.digest),
        "size": descriptor.size,
    }
    if annotations:
        entry["annotations"] = annotations
    if platform is not None:
        entry["platform"] = {
            "os": platform.os,
            "architecture": platform.architecture,
            **({"variant": platform.variant} if platform.variant else {}),
        }
    return entry

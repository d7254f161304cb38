"""Which images the store holds, for itself and for other tools (OCI image layout, index.json)."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from worker.engine.disk import disk_errors
from worker.engine.durable import write_atomically
from worker.engine.errors import InvalidDigest, InvalidManifest, StoreDamaged
from worker.engine.oci import Descriptor, MediaType, Platform
from worker.engine.oci.digest import Digest
from worker.engine.store.blobs import BlobStore
from worker.engine.store.locks import file_lock
from worker.engine.store.pins import Pins

REF_NAME = "org.opencontainers.image.ref.name"
ORIGINAL = "dev.strata.manifest"
"""Annotation of a listed manifest: the digest of the one in Docker's form that it was made from."""
INDEX = "dev.strata.index"
"""Annotation of a listed manifest: the digest of the index that led to it, which is kept as a blob."""
_ORIGIN = "dev.strata.origin"
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
        return _parse(self.descriptor.annotations.get(ORIGINAL, str(self.descriptor.digest)))

    def is_one_of(self, digests: Collection[Digest]) -> bool:
        """Whether its manifest is among these, as the registry has it or as it is listed.

        Raises:
            StoreDamaged: the list says something impossible.
        """
        return self.descriptor.digest in digests or self.digest in digests

    @property
    def origin(self) -> str:
        """The full reference that it was last pulled by; empty if an early version forgot it."""
        return self.name or self.descriptor.annotations.get(_ORIGIN, "")

    @property
    def index(self) -> Digest | None:
        """Of the index that led to it when it was pulled, the outermost; None if none did.

        Raises:
            StoreDamaged: the list says something impossible.
        """
        text = self.descriptor.annotations.get(INDEX, "")
        return _parse(text) if text else None


class ImageList:
    """A list of images, in a file of the form of an OCI image layout's ``index.json``.

    A name that means one manifest stands beside it. One that means several, for several platforms, stands
    beside an index of them, so that other tools can choose; each of them is there too, as ``NAME@PLATFORM``.
    """

    def __init__(self, path: Path, ingest: Path, locks: Path, blobs: BlobStore, pins: Pins) -> None:
        self._path = path
        self._ingest = ingest
        self._lock = locks / path.name
        self._blobs = blobs
        self._pins = pins

    @property
    def name(self) -> str:
        """Of the file."""
        return self._path.name

    def all(self) -> tuple[StoredImage, ...]:
        """All images, the one tagged last first.

        Raises:
            StoreDamaged: the file cannot be read.
        """
        return tuple(_load(entry) for entry in self._read() if not _is_made(entry))

    def made(self) -> frozenset[Digest]:
        """Digests of the indexes that were made for names with several platforms.

        Raises:
            StoreDamaged: the file cannot be read.
        """
        return frozenset(entry.digest for entry in self._read() if _is_made(entry))

    def _read(self) -> tuple[Descriptor, ...]:
        with self._damage():
            return tuple(Descriptor.parse(entry) for entry in self._read_entries())

    def _read_entries(self) -> list[Mapping[str, Any]]:
        with self._damage():
            try:
                entries = json.loads(self._path.read_bytes())["manifests"]
            except FileNotFoundError:
                return []
            if not isinstance(entries, list):
                raise TypeError
            return entries

    @contextmanager
    def _damage(self) -> Iterator[None]:
        try:
            yield
        except (ValueError, KeyError, TypeError, AttributeError, InvalidManifest) as error:
            raise StoreDamaged(f"The list of images {self._path} is damaged.") from error

    def tag(self, name: str, descriptor: Descriptor) -> None:
        """Let ``name`` mean this manifest from now on; what it meant before stays, without that name.

        A name means one manifest per platform, and each once. Saying the same again changes nothing.

        Raises:
            StoreError: the file is damaged, or the disk is full or refuses.
        """
        tagged = StoredImage(name, descriptor)
        # Entries as they stand in the file: making values of thousands takes longer than a whole pull may
        # that finds nothing new.
        written = self._read_entries()
        if _alone(tagged) in written or _among_platforms(tagged) in written:
            return
        with self._changing() as images:
            digest, replaced = descriptor.digest, ("", name)
            others = [i for i in images if i.descriptor.digest != digest or i.name not in replaced]
            images[:] = [tagged, *_without_name(others, tagged.slot, tagged)]

    def untag(self, name: str, platform: Platform | None) -> None:
        """Let ``name`` mean nothing for a platform; what it meant stays. That it means nothing is no error.

        Raises:
            StoreError: the file is damaged, or the disk is full or refuses.
        """
        slot = (name, str(platform))
        if all(image.slot != slot for image in self.all()):
            return
        with self._changing() as images:
            images[:] = _without_name(images, slot)

    def forget(self, *digests: Digest) -> None:
        """Take manifests off the list, with all their names; that one is not on it is no error.

        Args:
            digests: Of the manifests as the registry has them, or as they are listed.

        Raises:
            StoreError: the file is damaged, or the disk is full or refuses.
        """
        wanted = frozenset(digests)
        if not any(image.is_one_of(wanted) for image in self.all()):
            return
        with self._changing() as images:
            images[:] = [image for image in images if not image.is_one_of(wanted)]

    def made_without(self, digests: Collection[Digest]) -> tuple[frozenset[Digest], dict[Digest, int]]:
        """What forgetting these would do to the indexes that are made for names with several platforms.

        Returns:
            Those that go, and those that come instead, with their sizes in bytes.

        Raises:
            StoreDamaged: the file cannot be read.
        """
        images = self.all()
        names = {image.name for image in images if image.is_one_of(digests)} - {""}
        concerned = [image for image in images if image.name in names]
        before = _made_for(concerned)
        after = _made_for([image for image in concerned if not image.is_one_of(digests)])
        return frozenset(before.keys() - after.keys()), {
            digest: size for digest, size in after.items() if digest not in before
        }

    def write_again(self) -> None:
        """Write the list, and what was made for it, anew.

        Raises:
            StoreError: the file is damaged, or the disk is full or refuses.
        """
        with self._changing():
            pass

    @contextmanager
    def _changing(self) -> Iterator[list[StoredImage]]:
        with disk_errors("write the list of images"), file_lock(self._lock):
            images = list(self.all())
            yield images
            # What is made for the list must not be cleared away before the list has it.
            with self._pins.open():
                content = _index(self._entries(images), indent=1)
                write_atomically(self._path, content, self._ingest, mode=0o644)

    def _entries(self, images: Iterable[StoredImage]) -> Iterator[dict[str, object]]:
        for group in _groups(images):
            name = group[0].name
            if len(group) == 1:
                yield _alone(group[0])
                continue
            raw = _index_of(group)
            index = Descriptor(MediaType.OCI_INDEX, self._blobs.put(raw), len(raw))
            yield _entry(index, {REF_NAME: name, _PLATFORMS: str(len(group))})
            yield from map(_among_platforms, group)


def _groups(images: Iterable[StoredImage]) -> Iterable[list[StoredImage]]:
    """Those that one name means, together; one without a name is alone."""
    groups: dict[object, list[StoredImage]] = {}
    for position, image in enumerate(images):
        groups.setdefault(image.name or position, []).append(image)
    return groups.values()


def _index_of(group: Iterable[StoredImage]) -> bytes:
    return _index(_entry(image.descriptor, {}) for image in group)


def _made_for(images: Iterable[StoredImage]) -> dict[Digest, int]:
    raws = [_index_of(group) for group in _groups(images) if len(group) > 1]
    return {Digest.of(raw): len(raw) for raw in raws}


def _without_name(
    images: list[StoredImage], slot: tuple[str, str], *others: StoredImage
) -> list[StoredImage]:
    """Take a name from its image, which stays without one at the end, unless it is listed anyway."""
    kept = [image for image in images if image.slot != slot]
    listed = {image.descriptor.digest for image in (*kept, *others)}
    displaced = [image for image in images if image.slot == slot]
    return kept + [_nameless(image) for image in displaced if image.descriptor.digest not in listed]


def _nameless(image: StoredImage) -> StoredImage:
    annotations = {**image.descriptor.annotations, _ORIGIN: image.origin}
    return StoredImage("", replace(image.descriptor, annotations=annotations))


def _is_made(entry: Descriptor) -> bool:
    return _PLATFORMS in entry.annotations


def _load(entry: Descriptor) -> StoredImage:
    annotations = dict(entry.annotations)
    shown = annotations.pop(REF_NAME, "")
    name = annotations.pop(_NAME, shown)
    return StoredImage(name, replace(entry, annotations=annotations))


def _parse(text: str) -> Digest:
    try:
        return Digest.parse(text)
    except InvalidDigest as error:
        raise StoreDamaged("The list of images is damaged: it refers to what is no digest.") from error


def _index(entries: Iterable[dict[str, object]], indent: int | None = None) -> bytes:
    document = {"schemaVersion": 2, "mediaType": MediaType.OCI_INDEX, "manifests": list(entries)}
    return json.dumps(document, indent=indent).encode()


def _alone(image: StoredImage) -> dict[str, object]:
    """The entry of an image whose name means nothing else."""
    return _entry(image.descriptor, {REF_NAME: image.name} if image.name else {})


def _among_platforms(image: StoredImage) -> dict[str, object]:
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

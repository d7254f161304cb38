"""Which images the store holds, for itself and for other tools (OCI image layout, index.json)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from worker.engine.disk import disk_errors
from worker.engine.durable import write_atomically
from worker.engine.errors import InvalidManifest, StoreDamaged
from worker.engine.oci import Descriptor, MediaType, Platform
from worker.engine.oci.digest import Digest
from worker.engine.store.locks import file_lock

REF_NAME = "org.opencontainers.image.ref.name"


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


class ImageList:
    """A list of images, in a file of the form of an OCI image layout's ``index.json``."""

    def __init__(self, path: Path, ingest: Path, locks: Path) -> None:
        self._path = path
        self._ingest = ingest
        self._lock = locks / path.name

    def all(self) -> tuple[StoredImage, ...]:
        """All images, the one tagged last first.

        Raises:
            StoreDamaged: the file cannot be read.
        """
        try:
            document = json.loads(self._path.read_bytes())
            return tuple(_load(entry) for entry in document["manifests"])
        except FileNotFoundError:
            return ()
        except (ValueError, KeyError, TypeError, AttributeError, InvalidManifest) as error:
            raise StoreDamaged(f"The list of images {self._path} is damaged.") from error

    def tag(self, name: str, descriptor: Descriptor) -> None:
        """Let ``name`` mean this manifest from now on; what it meant before stays, without that name.

        A name means one manifest per platform. Saying the same again changes nothing.

        Raises:
            StoreError: the file is damaged, or the disk is full or refuses.
        """
        tagged = StoredImage(name, descriptor)
        if tagged in self.all():
            return
        with self._changing() as images:
            others = [image for image in images if image.descriptor.digest != descriptor.digest or image.name]
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

    def forget(self, digest: Digest) -> None:
        """Take a manifest off the list, with all its names; that it is not on it is no error.

        Raises:
            StoreError: the file is damaged, or the disk is full or refuses.
        """
        with self._changing() as images:
            images[:] = [image for image in images if image.descriptor.digest != digest]

    @contextmanager
    def _changing(self) -> Iterator[list[StoredImage]]:
        with disk_errors("write the list of images"), file_lock(self._lock):
            images = list(self.all())
            yield images
            document = {
                "schemaVersion": 2,
                "mediaType": MediaType.OCI_INDEX,
                "manifests": [_dump(image) for image in images],
            }
            content = json.dumps(document, indent=1).encode()
            write_atomically(self._path, content, self._ingest, mode=0o644)


def _without_name(
    images: list[StoredImage], slot: tuple[str, str], *others: StoredImage
) -> list[StoredImage]:
    """Take a name from its image, which stays without one at the end, unless it is listed anyway."""
    kept = [image for image in images if image.slot != slot]
    listed = {image.descriptor.digest for image in (*kept, *others)}
    displaced = [image for image in images if image.slot == slot]
    return kept + [StoredImage("", i.descriptor) for i in displaced if i.descriptor.digest not in listed]


def _load(entry: dict[str, object]) -> StoredImage:
    descriptor = Descriptor.parse(entry)
    annotations = dict(descriptor.annotations)
    name = annotations.pop(REF_NAME, "")
    bare = Descriptor(
        descriptor.media_type,
        descriptor.digest,
        descriptor.size,
        annotations=annotations,
        platform=descriptor.platform,
    )
    return StoredImage(name, bare)


def _dump(image: StoredImage) -> dict[str, object]:
    descriptor, platform = image.descriptor, image.descriptor.platform
    annotations = {**descriptor.annotations, **({REF_NAME: image.name} if image.name else {})}
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

"""Which images the store holds, for itself and for other tools (OCI image layout, index.json)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from worker.engine.disk import disk_errors
from worker.engine.durable import write_atomically
from worker.engine.errors import InvalidManifest, StoreDamaged
from worker.engine.oci import Descriptor, MediaType, Platform
from worker.engine.oci.digest import Digest
from worker.engine.store.blobs import BlobStore
from worker.engine.store.entries import (
    ORIGIN,
    StoredImage,
    alone,
    among_platforms,
    groups_of,
    index_form,
    index_of,
    is_made,
    load,
    of_platforms,
)
from worker.engine.store.locks import file_lock
from worker.engine.store.pins import Pins


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

    @property
    def stamp(self) -> tuple[int, int, int] | None:
        """Changes with the file, which is only ever replaced; None if there is none.

        Raises:
            StoreError: the disk refuses.
        """
        with disk_errors("look at the list of images"):
            try:
                found = self._path.stat()
            except FileNotFoundError:
                return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def all(self) -> tuple[StoredImage, ...]:
        """All images, the one tagged last first.

        Raises:
            StoreDamaged: the file cannot be read.
        """
        return tuple(load(entry) for entry in self._read() if not is_made(entry))

    def made(self) -> frozenset[Digest]:
        """Digests of the indexes that were made for names with several platforms.

        Raises:
            StoreDamaged: the file cannot be read.
        """
        return frozenset(entry.digest for entry in self._read() if is_made(entry))

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
        if alone(tagged) in written or among_platforms(tagged) in written:
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
                content = index_form(self._entries(images), indent=1)
                write_atomically(self._path, content, self._ingest, mode=0o644)

    def _entries(self, images: Iterable[StoredImage]) -> Iterator[dict[str, object]]:
        for group in groups_of(images):
            name = group[0].name
            if len(group) == 1:
                yield alone(group[0])
                continue
            raw = index_of(group)
            index = Descriptor(MediaType.OCI_INDEX, self._blobs.put(raw), len(raw))
            yield of_platforms(name, index, len(group))
            yield from map(among_platforms, group)


def _without_name(
    images: list[StoredImage], slot: tuple[str, str], *others: StoredImage
) -> list[StoredImage]:
    """Take a name from its image, which stays without one at the end, unless it is listed anyway."""
    kept = [image for image in images if image.slot != slot]
    listed = {image.descriptor.digest for image in (*kept, *others)}
    displaced = [image for image in images if image.slot == slot]
    return kept + [_nameless(image) for image in displaced if image.descriptor.digest not in listed]


def _nameless(image: StoredImage) -> StoredImage:
    annotations = {**image.descriptor.annotations, ORIGIN: image.origin}
    return StoredImage("", replace(image.descriptor, annotations=annotations))

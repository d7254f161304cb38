"""What must stay: what listed images, containers and running work need of the store."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from worker.engine.cancel import CancelToken
from worker.engine.disk import disk_errors
from worker.engine.errors import ContentError, StoreDamaged, StrataError
from worker.engine.oci import INDEX_TYPES, Digest, ImageConfig, Index, Manifest, parse_manifest
from worker.engine.pipeline.documents import CONFIG_MAX, Selected
from worker.engine.pipeline.listing import listed_form
from worker.engine.registry import MANIFEST_MAX
from worker.engine.store import Content, Store, StoredImage, made_without

_RECORD = "container.json"  # of a container, with the layers that it stands on (engine/containers/about.py)


class Marks(NamedTuple):
    """What must stay.

    Attributes:
        needed: By listed images, containers or running work.
        pinned: By running work: what it may be in the middle of bringing.
        listed: By listed images.
    """

    needed: Content
    pinned: Content
    listed: Content


class Needed:
    """Finds out what is needed, and remembers what each image needs: that never changes."""

    def __init__(self, store: Store, cancel: CancelToken | None = None) -> None:
        self._store = store
        self._cancel = cancel
        self._images: dict[tuple[Digest, Digest, Digest | None], Content] = {}

    def look(self, without: Collection[Digest] = ()) -> Marks:
        """All that is needed now. It is exact while the gate is closed, and quick the second time.

        Blobs that are not here may be among it.

        Args:
            without: Manifests that do not count as listed.

        Raises:
            StoreDamaged: a list of images, a listed image or a container cannot be read, and so what it
                needs cannot be told.
            StoreError: the disk refuses.
            Cancelled
        """
        store = self._store
        lists = (store.images, store.shallow_images)
        pinned = store.pins.content()
        every = [part.all() for part in lists]
        counted = [image for part in every for image in part if not (without and image.is_one_of(without))]
        images = [self._image(image) for image in counted]
        made = [part.made() for part in lists]
        if without:
            made = [has - made_without(part, without)[0] for has, part in zip(made, every, strict=True)]
        blobs = frozenset[Digest]().union(*(content.blobs for content in images), *made)
        listed = Content(blobs, frozenset[Digest]().union(*(content.layers for content in images)))
        containers = Content(layers=frozenset(held_by_containers(store)))
        return Marks(listed | pinned | containers, pinned, listed)

    def _image(self, image: StoredImage) -> Content:
        key = (image.descriptor.digest, image.digest, image.index)
        if key not in self._images:
            if self._cancel is not None:
                self._cancel.check()
            try:
                self._images[key] = content_of(self._store, image)
            except (ContentError, StoreDamaged) as error:
                damaged = StoreDamaged(
                    f"The image {image.name or image.digest} is damaged, and what it needs cannot be told: "
                    f"{error.message}",
                    hint="Scrub the store with repair, or pull or delete this image; then try again.",
                )
                damaged.manifest = str(image.digest)
                raise damaged from error
        return self._images[key]


def held_by_containers(store: Store) -> set[Digest]:
    """The layers that containers stand on, by what is written of each in the store.

    Raises:
        StoreDamaged: what is written of one cannot be read.
        StoreError: the disk refuses.
    """
    layers: set[Digest] = set()
    with disk_errors("look at the containers"):
        for record in store.containers.glob(f"*/{_RECORD}"):
            try:
                layers.update(Digest.parse(text) for text in json.loads(record.read_bytes())["diff_ids"])
            except FileNotFoundError:
                continue  # just removed
            except (ValueError, KeyError, TypeError, StrataError) as error:
                raise StoreDamaged(
                    f"{record} is damaged, and what the container needs cannot be told.",
                    hint="Remove the container.",
                ) from error
    return layers


def made_of(images: Iterable[Selected]) -> Content:
    """What images are made of that are about to be brought, and listed."""
    blobs: set[Digest] = set()
    layers: set[Digest] = set()
    for image in images:
        blobs.update(map(Digest.of, (*image.raw, listed_form(image.manifest))))
        blobs.update(layer.digest for layer in image.manifest.layers)
        layers.update(image.config.diff_ids)
    return Content(frozenset(blobs), frozenset(layers))


def content_of(store: Store, image: StoredImage) -> Content:
    """What a listed image is made of: the indexes that led to it, manifest, config and layers.

    Raises:
        StoreDamaged: its manifest or config cannot be read.
        ContentError: they are no image.
    """
    listed = image.descriptor.digest
    manifest = Manifest.parse(store.blobs.read(listed, MANIFEST_MAX))
    config = ImageConfig.parse(store.blobs.read(manifest.config.digest, CONFIG_MAX))
    blobs = {listed, image.digest, manifest.config.digest, *(layer.digest for layer in manifest.layers)}
    if image.index is not None:
        blobs |= indexes_of(store, image.index)
    return Content(frozenset(blobs), frozenset(config.diff_ids))


def may_nest(store: Store, index: Digest) -> bool:
    """Whether an index may lead to further ones; False only if it certainly does not. Quick, for thousands.

    Raises:
        StoreError: the disk refuses.
    """
    with disk_errors("read an index"):
        try:
            return _may_nest(str(store.blobs.path(index)))
        except FileNotFoundError:
            return False


@lru_cache(maxsize=20_000)
def _may_nest(path: str) -> bool:
    """What is under a digest never changes. To parse it all would take twenty times as long."""
    raw = Path(path).read_bytes()
    members = raw.partition(b'"manifests"')[2]
    return b"\\" in raw or any(kind.encode() in members for kind in INDEX_TYPES)


def indexes_of(store: Store, digest: Digest) -> set[Digest]:
    """An index and the indexes in it, as far as they are here: nothing depends on them."""
    found: set[Digest] = set()
    pending = [digest]
    while pending:
        current = pending.pop()
        if current in found or not store.blobs.has(current):
            continue
        found.add(current)
        try:
            document = parse_manifest(store.blobs.read(current, MANIFEST_MAX))
        except (ContentError, StoreDamaged):
            continue
        if isinstance(document, Index):
            pending += [entry.digest for entry in document.images if entry.media_type in INDEX_TYPES]
    return found

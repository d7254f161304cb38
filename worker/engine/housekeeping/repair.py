"""Mending what is damaged: blobs from the registry, layers from their blobs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from worker.engine.cancel import CancelToken
from worker.engine.disk import disk_errors
from worker.engine.errors import (
    ContentError,
    InvalidReference,
    NotFound,
    RegistryError,
    StoreDamaged,
    StrataError,
)
from worker.engine.events import ignore
from worker.engine.housekeeping.unused import unused
from worker.engine.layers import Limits
from worker.engine.layers.spawner import Spawner
from worker.engine.oci import INDEX_TYPES, MANIFEST_TYPES, Descriptor, Digest, Manifest, MediaType, Reference
from worker.engine.pipeline.additions import Additions
from worker.engine.pipeline.documents import Selected
from worker.engine.pipeline.layer import Commit, LayerWork, Source
from worker.engine.pipeline.needed import Needed
from worker.engine.pipeline.plan import LayerTask, Need
from worker.engine.pipeline.progress import Announcer
from worker.engine.registry import Endpoint, RegistryClient
from worker.engine.store import Content, LayerInfo, Pin, StagedLayer, Store, StoredImage

EndpointOf = Callable[[str], Endpoint]


class _Origin(NamedTuple):
    """Where some content is to be had.

    Attributes:
        reference: Of an image that is made of it.
        descriptor: Of the blob; that of an index or manifest says so by its media type.
    """

    reference: Reference
    descriptor: Descriptor


class Repair:
    """Mends one thing at a time. All methods raise what kept them from it."""

    def __init__(
        self,
        store: Store,
        pin: Pin,
        endpoint_of: EndpointOf | None,
        cancel: CancelToken | None,
        limits: Limits | None,
    ) -> None:
        """``endpoint_of`` is given a registry's host; without it nothing is fetched."""
        self._store = store
        self._pin = pin
        self._endpoint_of = endpoint_of
        self._cancel = cancel or CancelToken()
        self._limits = limits
        self._blobs: dict[Digest, list[_Origin]] = {}
        self._trees: dict[Digest, list[_Origin]] = {}

    def know(self, image: StoredImage) -> None:
        """Learn from a listed image where its manifest and index are to be had."""
        reference = _reference(image)
        if reference is not None:
            for digest in (image.digest, image.index):
                if digest is not None:
                    manifest = Descriptor(MediaType.OCI_MANIFEST, digest, 0)
                    self._blobs.setdefault(digest, []).append(_Origin(reference, manifest))

    def know_blobs(self, image: StoredImage, manifest: Manifest) -> None:
        """Learn from a listed image whose manifest can be read where config and layers are to be had."""
        reference = _reference(image)
        if reference is not None:
            for descriptor in (manifest.config, *manifest.layers):
                self._blobs.setdefault(descriptor.digest, []).append(_Origin(reference, descriptor))

    def know_layers(self, image: StoredImage, selected: Selected) -> None:
        """Learn from a listed image that can be read which blobs its trees come from."""
        reference = _reference(image)
        if reference is not None:
            for index in selected.indexes[1:]:
                nested = Descriptor(index.media_type, index.digest, 0)
                self._blobs.setdefault(index.digest, []).append(_Origin(reference, nested))
            for diff_id, layer in zip(selected.config.diff_ids, selected.manifest.layers, strict=True):
                self._trees.setdefault(diff_id, []).append(_Origin(reference, layer))

    def blob(self, digest: Digest) -> None:
        """Fetch a damaged or missing blob; clear it away instead if nothing needs it."""
        wanted = Content(blobs=frozenset({digest}))
        origins = self._blobs.get(digest, [])
        if not origins and self._cleared_away(wanted, self._store.blobs.path(digest)):
            return
        self._pin.add(wanted)
        self._first_that_works(origins, lambda origin: self._fetch(digest, origin))

    def layer(self, diff_id: Digest) -> None:
        """Extract a damaged or missing layer anew; clear it away instead if nothing needs it.

        Its blob is fetched if it is not here, or damaged.
        """
        wanted = Content(layers=frozenset({diff_id}))
        # What needs no registry first.
        blobs = self._store.blobs
        origins = sorted(
            self._trees.get(diff_id, []), key=lambda origin: not blobs.is_here(origin.descriptor)
        )
        if not origins and self._cleared_away(wanted, self._store.layers.home(diff_id)):
            return
        self._pin.add(wanted | Content(blobs=frozenset(origin.descriptor.digest for origin in origins)))
        self._first_that_works(origins, lambda origin: self._extract(diff_id, origin))

    def _cleared_away(self, content: Content, path: Path) -> bool:
        needed = Needed(self._store, self._cancel)
        needed.look()
        with self._store.pins.closed(self._cancel):
            found = needed.look().needed
            if content.blobs & found.blobs or content.layers & found.layers:
                return False
            self._store.trash.take(path)
        self._store.trash.empty(self._cancel)
        return True

    def _first_that_works(self, origins: list[_Origin], mend: Callable[[_Origin], None]) -> None:
        failure: StrataError = NotFound("No listed image says where to fetch it from.")
        for origin in origins:
            try:
                mend(origin)
            except (RegistryError, ContentError, StoreDamaged, NotFound) as error:
                failure = error
            else:
                return
        raise failure

    def _fetch(self, digest: Digest, origin: _Origin) -> None:
        if self._endpoint_of is None:
            raise NotFound("No registry may be asked for it.")
        with RegistryClient(self._endpoint_of(origin.reference.registry), cancel=self._cancel) as client:
            if origin.descriptor.media_type in MANIFEST_TYPES | INDEX_TYPES:
                self._store.blobs.put(client.manifest((origin.reference.repository, digest))[0])
                return
            task = LayerTask((0,), origin.descriptor, digest, Need.BLOB_AGAIN)
            self._work(task, Source(client, origin.reference.repository), StagedLayer.commit)

    def _extract(self, diff_id: Digest, origin: _Origin) -> None:
        def replace(staged: StagedLayer, info: LayerInfo) -> None:
            staged.replace(info, unused(self._store, diff_id, self._cancel))

        task = LayerTask((0,), origin.descriptor, diff_id, Need.TREE_AGAIN)
        if self._endpoint_of is None:
            self._work(task, None, replace)
            return
        with RegistryClient(self._endpoint_of(origin.reference.registry), cancel=self._cancel) as client:
            self._work(task, Source(client, origin.reference.repository), replace)

    def _work(self, task: LayerTask, source: Source | None, commit: Commit) -> None:
        store = self._store
        with Spawner() as spawner:
            if task.need is Need.TREE_AGAIN:
                with disk_errors("extract a layer"):
                    spawner.prepare()
            announcer, additions = Announcer(ignore), Additions(store)
            LayerWork(
                store, task, source, announcer, self._cancel, additions, spawner, commit, self._limits
            ).run()


def _reference(image: StoredImage) -> Reference | None:
    """What a listed image was pulled by; None if the list does not say, or says what is no reference."""
    with contextlib.suppress(InvalidReference):
        return Reference.parse(image.origin)
    return None

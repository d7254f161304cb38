"""What a pull added to the store, to be taken back if the image turns out to be bad."""

from __future__ import annotations

import threading

from worker.engine.oci import Digest
from worker.engine.pipeline.documents import StoredDocuments, select
from worker.engine.store import Store


class Additions:
    """Blobs and layers that a pull brings, from the moment it begins to; safe to use from several threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._blobs: set[Digest] = set()
        self._layers: set[Digest] = set()

    def blob(self, digest: Digest) -> None:
        with self._lock:
            self._blobs.add(digest)

    def layer(self, diff_id: Digest) -> None:
        with self._lock:
            self._layers.add(diff_id)

    def take_back(self) -> None:
        """Remove what was added, but for what a listed image has as well.

        Not while another pull runs, which may rely on it: the content itself is verified, and does no harm.

        Raises:
            StoreError: the disk refuses.
        """
        with self._store.alone() as alone:
            if not alone or not (self._blobs or self._layers):
                return
            blobs, layers = _in_use(self._store)
            for digest in self._blobs - blobs:
                self._store.blobs.remove(digest)
                self._store.blobs.remove_partial(digest)
            for diff_id in self._layers - layers:
                self._store.layers.remove(diff_id)


def _in_use(store: Store) -> tuple[set[Digest], set[Digest]]:
    """Digests of the blobs, and diff IDs of the layers, of all images on the store's lists."""
    blobs: set[Digest] = set()
    layers: set[Digest] = set()
    documents = StoredDocuments(store)
    for listed in (*store.images.all(), *store.shallow_images.all()):
        image = select(documents, listed.descriptor.digest, None)
        blobs.update(layer.digest for layer in image.manifest.layers)
        layers.update(image.config.diff_ids)
    return blobs, layers

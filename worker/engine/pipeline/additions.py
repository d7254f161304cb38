"""What a pull added to the store, to be taken back if the image turns out to be bad."""

from __future__ import annotations

import threading

from worker.engine.cancel import CancelToken
from worker.engine.oci import Digest
from worker.engine.pipeline.needed import Needed
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

    def take_back(self, cancel: CancelToken | None = None) -> None:
        """Remove what was added, but for what a listed image, a container or other running work needs.

        The pull's own pin must be released before.

        Raises:
            StoreError: the disk refuses, or what is needed cannot be told.
            Cancelled: it is out of sight; deleting it, and what others threw away before, is left to others.
        """
        if not (self._blobs or self._layers):
            return
        store = self._store
        needed = Needed(store)
        needed.look()  # before the gate is closed: what it has seen it need not read again
        with store.pins.closed():
            marks = needed.look()
            for digest in self._blobs - marks.needed.blobs:
                store.trash.take(store.blobs.path(digest))
                store.trash.take(store.blobs.partial(digest))
            for diff_id in self._layers - marks.needed.layers:
                store.trash.take(store.layers.home(diff_id))
        store.trash.empty(cancel)

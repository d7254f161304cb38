"""The store: everything that a node keeps of images and containers on disk (docs/architecture.md)."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from worker.engine.cancel import CancelToken
from worker.engine.disk import disk_errors
from worker.engine.durable import write_atomically
from worker.engine.errors import StoreNotWritable
from worker.engine.store.blobs import BlobStore
from worker.engine.store.images import ImageList
from worker.engine.store.layers import LayerStore
from worker.engine.store.locks import exclusive_lock, shared_lock

_LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'


class Store:
    """A directory that describes itself, and that any number of processes use at once.

    Attributes:
        root: The directory. It is an OCI image layout, which other tools can read.
        blobs: Manifests, configs and compressed layers, as they came from the registry.
        layers: Extracted layers, each alone.
        images: The images whose every blob is here: the layout's ``index.json``.
        shallow_images: The images of which a layer was not fetched, because its tree was here already,
            from another compressed form of the same tar (``shallow.json``).
        containers: The directory of the containers.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        ingest = root / "ingest"
        locks = ingest / "locks"
        self._ingest = ingest
        self._in_use = locks / "in-use"
        self.blobs = BlobStore(root / "blobs", ingest, locks)
        self.layers = LayerStore(root / "layers", ingest, locks)
        self.images = ImageList(root / "index.json", ingest, locks)
        self.shallow_images = ImageList(root / "shallow.json", ingest, locks)
        self.containers = root / "containers"
        self._directories = (
            root / "blobs" / "sha256",
            root / "layers" / "sha256",
            locks,
            self.containers,
        )

    def prepare(self) -> None:
        """Make the directories that are missing; cheap, and safe to call at any time.

        Raises:
            StoreNotWritable: this process may not write here.
            StoreError: the disk is full or fails.
        """
        with disk_errors("prepare the store"):
            for directory in self._directories:
                directory.mkdir(parents=True, exist_ok=True)
            layout = self.root / "oci-layout"
            if not layout.exists():
                write_atomically(layout, _LAYOUT, self._ingest, mode=0o644)
        for directory in self._directories:
            if not os.access(directory, os.W_OK):
                raise StoreNotWritable(f"The directory {directory} is not writable.")

    @contextlib.contextmanager
    def using(self, cancel: CancelToken | None = None) -> Iterator[None]:
        """Rely on what is here, and add to it: within the block nobody removes anything.

        Raises:
            Cancelled: while somebody removes something, which is waited for.
            StoreError: the disk refuses.
        """
        with shared_lock(self._in_use, cancel):
            yield

    @contextlib.contextmanager
    def alone(self) -> Iterator[bool]:
        """Whether nobody is :meth:`using` the store; if so, nobody begins to within the block.

        Raises:
            StoreError: the disk refuses.
        """
        with exclusive_lock(self._in_use) as alone:
            yield alone

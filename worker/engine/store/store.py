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
from worker.engine.store.pins import Pin, Pins
from worker.engine.store.trash import Trash

_LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'
GATE = "gate"
"""Name of the lock between those who rely on what is here and those who clear away (``pins``)."""


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
        pins: What running work relies on.
        trash: Where what nothing relies on goes.
        ingest: The directory of everything unfinished.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.ingest = ingest = root / "ingest"
        locks = ingest / "locks"
        self.pins = Pins(ingest, locks / GATE)
        self.trash = Trash(ingest / "trash")
        self.blobs = BlobStore(root / "blobs", ingest, locks)
        self.layers = LayerStore(root / "layers", ingest, locks, self.trash)
        self.images = ImageList(root / "index.json", ingest, locks, self.blobs, self.pins)
        self.shallow_images = ImageList(root / "shallow.json", ingest, locks, self.blobs, self.pins)
        self.containers = root / "containers"
        self._layout = root / "oci-layout"
        self._directories = (
            root / "blobs" / "sha256",
            root / "layers" / "sha256",
            locks,
            self.trash.path,
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
            if not self._layout.exists():
                self.write_layout()
        for directory in self._directories:
            if not os.access(directory, os.W_OK):
                raise StoreNotWritable(f"The directory {directory} is not writable.")

    def write_layout(self) -> None:
        """Write the file that makes this an OCI image layout.

        Raises:
            StoreError: the disk is full or refuses.
        """
        with disk_errors("prepare the store"):
            write_atomically(self._layout, _LAYOUT, self.ingest, mode=0o644)

    @contextlib.contextmanager
    def pin(self, cancel: CancelToken | None = None) -> Iterator[Pin]:
        """Rely on what is here, and add to it: nobody clears away what was added to the pin.

        First add to the pin, then look whether it is here. Each is held until the block is left, or this
        process dies.

        Raises:
            Cancelled: while somebody clears away, which takes no time.
            StoreError: the disk is full or refuses.
        """
        with self.pins.hold(cancel) as pin:
            yield pin

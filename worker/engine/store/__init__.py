"""What stands on disk: blobs, layers and the list of images; complete and verified, or not there at all."""

from __future__ import annotations

from worker.engine.store.blobs import BlobStore, BlobWriter
from worker.engine.store.images import REF_NAME, ImageList, StoredImage
from worker.engine.store.layers import LayerInfo, LayerStore, StagedLayer
from worker.engine.store.locks import file_lock
from worker.engine.store.store import Store

__all__ = [
    "REF_NAME",
    "BlobStore",
    "BlobWriter",
    "ImageList",
    "LayerInfo",
    "LayerStore",
    "StagedLayer",
    "Store",
    "StoredImage",
    "file_lock",
]

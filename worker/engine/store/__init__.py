"""What stands on disk: blobs, layers and the list of images; complete and verified, or not there at all."""

from __future__ import annotations

from worker.engine.store.blobs import BlobStore, BlobWriter
from worker.engine.store.entries import INDEX, ORIGINAL, REF_NAME, StoredImage, made_without
from worker.engine.store.images import ImageList
from worker.engine.store.layers import PARTS, LayerInfo, LayerStore, StagedLayer
from worker.engine.store.locks import abandoned, file_lock
from worker.engine.store.pins import Content, Pin, Pins
from worker.engine.store.store import GATE, Store
from worker.engine.store.trash import Trash

__all__ = [
    "GATE",
    "INDEX",
    "ORIGINAL",
    "PARTS",
    "REF_NAME",
    "BlobStore",
    "BlobWriter",
    "Content",
    "ImageList",
    "LayerInfo",
    "LayerStore",
    "Pin",
    "Pins",
    "StagedLayer",
    "Store",
    "StoredImage",
    "Trash",
    "abandoned",
    "file_lock",
    "made_without",
]

"""What a blob and an extracted layer take on the disk, as the store is measured (``survey``)."""

from __future__ import annotations

from worker.engine.disk import disk_errors
from worker.engine.housekeeping.walk import on_disk, usage
from worker.engine.oci import Digest
from worker.engine.store import Store


def blob_bytes(store: Store, digest: Digest) -> int | None:
    """Bytes on disk of a blob; None if it is not here.

    Raises:
        StoreError: the disk refuses.
    """
    with disk_errors("measure a blob"):
        try:
            return on_disk(store.blobs.path(digest).lstat(), set())
        except FileNotFoundError:
            return None


def tree_bytes(store: Store, diff_id: Digest) -> int | None:
    """Bytes on disk of a layer's tree, by walking over it; hard links count once. None if it is not here.

    Raises:
        StoreError: this process may not look into it, or the disk fails.
    """
    with disk_errors("measure a layer"):
        return usage(store.layers.tree(diff_id)) if store.layers.has(diff_id) else None


def index_bytes(store: Store, diff_id: Digest) -> int | None:
    """Bytes on disk of what stands beside a layer's tree: file index and record. None if it is not here.

    Raises:
        StoreError: the disk refuses.
    """
    with disk_errors("measure a layer"):
        home, tree = store.layers.home(diff_id), store.layers.tree(diff_id)
        try:
            return on_disk(home.lstat(), set()) + sum(usage(path) for path in home.iterdir() if path != tree)
        except FileNotFoundError:
            return None


def layer_bytes(store: Store, diff_id: Digest) -> int | None:
    """Bytes on disk of an extracted layer with all that belongs to it; raises as :func:`tree_bytes`."""
    tree, beside = tree_bytes(store, diff_id), index_bytes(store, diff_id)
    return None if tree is None or beside is None else tree + beside


def estimated_bytes(store: Store, size: int) -> int:
    """What a file of ``size`` bytes would take on the store's disk.

    Raises:
        StoreError: the disk refuses.
    """
    with disk_errors("look at the store"):
        block = store.root.stat().st_blksize
    return -(-size // block) * block

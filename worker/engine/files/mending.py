"""Making a layer's file index anew: from the blob that the layer came from, else from its tree.

Not imported by ``worker.engine.files`` itself: it takes what extracts layers, which only a worker needs.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from worker.engine.cancel import CancelToken
from worker.engine.disk import disk_errors
from worker.engine.errors import ContentError, LayerMissing, SandboxError, StoreDamaged
from worker.engine.events import ignore
from worker.engine.files.from_tree import entries_of_tree
from worker.engine.files.loading import load_table, make_table
from worker.engine.layers import FileIndex, Limits
from worker.engine.layers.index import IndexWriter
from worker.engine.layers.spawner import Spawner
from worker.engine.oci import Descriptor, Digest
from worker.engine.pipeline.additions import Additions
from worker.engine.pipeline.layer import LayerWork
from worker.engine.pipeline.plan import LayerTask, Need
from worker.engine.pipeline.progress import Announcer
from worker.engine.store import Content, LayerInfo, StagedLayer, Store, file_lock

_log = logging.getLogger(__name__)


def mend(
    store: Store,
    diff_id: Digest,
    blobs: Iterable[Descriptor] = (),
    cancel: CancelToken | None = None,
    limits: Limits | None = None,
) -> bool:
    """Put a good file index into the place of one that is missing or damaged; False if it is good.

    The tree is not touched: what stands on it goes on. Of several at once, one does it.

    Args:
        blobs: The compressed forms of the layer that may be here; what they hold is verified.
        limits: What the layer may be; None for the usual.

    Raises:
        LayerMissing: the layer is not extracted (any more).
        StoreDamaged: no blob of it is here, and its tree is not as the layer's record says, or that is lost.
        StoreError: the disk is full or refuses.
        Cancelled: the index is as it was.
    """
    token = cancel or CancelToken()
    forms = [blob for blob in blobs if store.blobs.is_here(blob)]
    wanted = Content(blobs=frozenset(blob.digest for blob in forms), layers=frozenset({diff_id}))
    lock = store.ingest / "locks" / f"index-{diff_id.hex}"
    with store.pin(token) as pin, file_lock(lock, token):
        pin.add(wanted)
        if _is_good(store, diff_id):
            return False
        for form in forms:
            try:
                _from_blob(store, diff_id, form, token, limits)
            except (ContentError, StoreDamaged, SandboxError) as error:
                _log.warning("layer %s: no file index from the blob %s: %s", diff_id, form.digest, error)
            else:
                return True
        _from_tree(store, diff_id, token)
        return True


def _is_good(store: Store, diff_id: Digest) -> bool:
    try:
        load_table(store.layers, diff_id)
    except StoreDamaged:
        return False
    return True


def _from_blob(
    store: Store, diff_id: Digest, form: Descriptor, cancel: CancelToken, limits: Limits | None
) -> None:
    """Extract the layer once more, beside itself, and keep the index alone."""
    task = LayerTask((0,), form, diff_id, Need.TREE_AGAIN)
    with Spawner() as spawner:
        with disk_errors("extract a layer"):
            spawner.prepare()
        LayerWork(
            store,
            task,
            None,
            Announcer(ignore),
            cancel,
            Additions(store),
            spawner,
            StagedLayer.replace_index,
            limits,
        ).run()


def _from_tree(store: Store, diff_id: Digest, cancel: CancelToken) -> None:
    layers = store.layers
    with layers.lock(diff_id, cancel), disk_errors("read a layer's tree"):
        if not layers.has(diff_id):
            raise LayerMissing(f"The layer {diff_id} is not extracted.")
        info = layers.info(diff_id)
        with layers.stage(diff_id) as staged:
            with staged.index_path.open("w+b") as file:
                writer = IndexWriter(file)
                for entry in entries_of_tree(layers.tree(diff_id), info.implied, cancel):
                    writer.add(entry.pack())
                writer.close()
            if (writer.count, writer.content_size) != (info.entries, info.content_size):
                raise _changed(diff_id, info, writer)
            make_table(FileIndex(staged.index_path).records())
            staged.replace_index(info)


def _changed(diff_id: Digest, info: LayerInfo, writer: IndexWriter) -> StoreDamaged:
    error = StoreDamaged(
        f"The file index of the layer {diff_id} cannot be made anew: the tree has {writer.count} entries with"
        f" {writer.content_size} bytes, it should have {info.entries} with {info.content_size}.",
        hint="Let an administrator scrub and repair the store (Storage page), or pull the image again.",
    )
    error.diff_id = str(diff_id)
    return error

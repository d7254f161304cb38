"""Bringing one layer: fetched, verified, unpacked and indexed, in one pass over its bytes."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass

from worker.engine.cancel import CancelToken
from worker.engine.errors import (
    ContentError,
    DiffIdMismatch,
    DigestMismatch,
    DiskFull,
    SizeMismatch,
    StoreDamaged,
)
from worker.engine.events import Phase
from worker.engine.layers import Limits
from worker.engine.layers.extraction import Extracted, Extraction
from worker.engine.layers.spawner import Spawner
from worker.engine.pipeline.additions import Additions
from worker.engine.pipeline.download import Download, Sink, ignore
from worker.engine.pipeline.plan import LayerTask, Need
from worker.engine.pipeline.progress import Announcer, LayerReporter
from worker.engine.registry import RegistryClient
from worker.engine.store import BlobWriter, LayerInfo, StagedLayer, Store

_CHUNK = 1 << 20
_log = logging.getLogger(__name__)

Commit = Callable[[StagedLayer, LayerInfo], None]


@dataclass(frozen=True, slots=True)
class Brought:
    """What it took.

    Attributes:
        fetched: Bytes that crossed the wire.
        extracted: Whether the layer was extracted just now.
    """

    fetched: int = 0
    extracted: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """Where missing blobs come from."""

    client: RegistryClient
    repository: str


class LayerWork:
    """Brings one layer into the store; others may want the same one at the same time.

    Locks are taken in this order: the layer's, then its blob's. Whoever has waited for one looks again.

    Attributes:
        report: Tells how it moves on.
    """

    def __init__(
        self,
        store: Store,
        task: LayerTask,
        source: Source | None,
        announcer: Announcer,
        cancel: CancelToken,
        additions: Additions,
        spawner: Spawner,
        commit: Commit = StagedLayer.commit,
        limits: Limits | None = None,
    ) -> None:
        """``source`` is None to work only with blobs that are here; ``commit`` puts a tree into its place.

        ``limits`` say what the layer may be; None for the usual.
        """
        self._store = store
        self._task = task
        self._source = source
        self._cancel = cancel
        self._additions = additions
        self._spawner = spawner
        self._commit = commit
        self._limits = limits
        self.report = LayerReporter(announcer, task)

    def run(self) -> Brought:
        """Do what is needed.

        Raises:
            RegistryError: the blob cannot be had.
            ContentError: the blob is not what was promised; nothing of it is kept.
            StoreError: the disk is full or refuses, or a blob that should be here is not.
            SandboxError: layers cannot be extracted on this machine.
            Cancelled: what was fetched so far is kept.
        """
        task = self._task
        if task.need is Need.NOTHING:
            self.report.moved(Phase.PRESENT, task.descriptor.size)
            return Brought()
        self.report.moved(Phase.WAITING, 0)
        extracted = self._fetch() if task.need in (Need.BLOB, Need.BLOB_AGAIN) else self._extract()
        self.report.moved(Phase.DONE, task.descriptor.size)
        return Brought(self.report.fetched, extracted)

    def _fetch(self) -> bool:
        """Bring the blob alone."""
        descriptor, blobs = self._task.descriptor, self._store.blobs
        with blobs.lock(descriptor.digest, self._cancel, self._others_progress):
            if self._task.need is Need.BLOB_AGAIN or not blobs.is_here(descriptor):
                self._download(self._bring)
        return False

    def _extract(self) -> bool:
        """Bring the tree, from the blob that is here or while it arrives."""
        blobs, layers = self._store.blobs, self._store.layers
        digest, diff_id = self._task.descriptor.digest, self._task.diff_id
        with layers.lock(diff_id, self._cancel, self._others_progress):
            if self._task.need is not Need.TREE_AGAIN and layers.has(diff_id):
                self.report.unpacked = layers.info(diff_id).unpacked_size
                return False
            with blobs.lock(digest, self._cancel, self._others_progress):
                if self._source is None or blobs.has(digest):
                    try:
                        self._unpack()
                    except StoreDamaged:
                        if self._source is None:
                            raise
                    else:
                        return True
                self._download(self._bring_and_unpack)
        return True

    def _others_progress(self) -> None:
        """Somebody else is bringing it."""
        digest = self._task.descriptor.digest
        if self._store.blobs.has(digest):
            self.report.moved(Phase.EXTRACTING, 0, shared=True)
        else:
            self.report.moved(Phase.DOWNLOADING, self._store.blobs.partial_size(digest), shared=True)

    def _download(self, bring: Callable[[BlobWriter], None]) -> None:
        """Write the blob with ``bring``; from the start again if the disk or a mirror is to blame."""
        descriptor = self._task.descriptor
        self._additions.blob(descriptor.digest)
        while True:
            with self._store.blobs.ingest(descriptor.digest, descriptor.size) as writer:
                try:
                    bring(writer)
                except (ContentError, DiskFull) as error:
                    writer.discard()
                    if not self._may_turn_out_better(error, writer):
                        raise
                else:
                    return

    def _may_turn_out_better(self, error: ContentError | DiskFull, writer: BlobWriter) -> bool:
        """Whether another attempt takes other bytes: none from the disk now, none from a mirror that lied."""
        if not isinstance(error, DigestMismatch | SizeMismatch):
            return False
        mirrored = self._source is not None and self._source.client.blame(self._task.descriptor.digest)
        return mirrored or (writer.replayed > 0 and isinstance(error, DigestMismatch))

    def _bring(self, writer: BlobWriter) -> None:
        self._fill(writer, ignore)
        writer.commit()

    def _bring_and_unpack(self, writer: BlobWriter) -> None:
        with self._store.layers.stage(self._task.diff_id) as staged:
            with self._extraction(staged) as extraction:
                feed = _Feed(extraction, self.report, writer.fileno())
                self._fill(writer, feed)
                writer.verify()  # before the child's opinion of it: wrong bytes make no good tar
                info = self._finish(feed)
            writer.commit()
            self._commit_tree(staged, info)

    def _fill(self, writer: BlobWriter, sink: Sink) -> None:
        assert self._source is not None  # noqa: S101 (without a source nothing is downloaded)
        client, repository = self._source.client, self._source.repository
        Download(client, repository, self._task.descriptor, self.report, self._cancel).run(writer, sink)

    def _unpack(self) -> None:
        """Extract from the blob that is here; should it be damaged, remove it."""
        digest, size = self._task.descriptor.digest, self._task.descriptor.size
        hashed, done = hashlib.sha256(), 0
        with self._store.blobs.open(digest) as file, self._store.layers.stage(self._task.diff_id) as staged:
            with self._extraction(staged) as extraction:
                feed = _Feed(extraction, self.report, file.fileno())
                while data := file.read(_CHUNK):
                    self._cancel.check()
                    hashed.update(data)
                    feed(done, len(data))
                    done += len(data)
                    self.report.moved(Phase.EXTRACTING, done)
                if hashed.hexdigest() != digest.hex:
                    self._store.blobs.remove(digest)
                    raise StoreDamaged(f"The blob {digest} in the store was damaged; it has been removed.")
                if done != size:
                    # The blob is right, and other images have it: it is the manifest that is wrong.
                    raise SizeMismatch(f"The blob {digest} has {done} bytes; the manifest says {size}.")
                info = self._finish(feed)
            self._commit_tree(staged, info)

    def _commit_tree(self, staged: StagedLayer, info: LayerInfo) -> None:
        self._commit(staged, info)
        self._additions.layer(info.diff_id)

    def _extraction(self, staged: StagedLayer) -> Extraction:
        return Extraction(staged.tree, staged.index_path, self._limits, self._cancel, self._spawner)

    def _finish(self, feed: _Feed) -> LayerInfo:
        diff_id, descriptor = self._task.diff_id, self._task.descriptor
        found = feed.finish(descriptor.size)
        if found.diff_id != diff_id.hex:
            raise DiffIdMismatch(
                f"The layer {descriptor.digest} unpacks to sha256:{found.diff_id},"
                f" but the image's config says {diff_id}."
            )
        self.report.unpacked = found.unpacked_size
        if found.left_out:
            names = ", ".join(os.fsdecode(name) for name in found.left_out)
            _log.info("layer %s: extended attributes left out: %s", diff_id, ascii(names))
        return LayerInfo(diff_id, found.unpacked_size, found.content_size, found.entries, found.implied)


class _Feed:
    """The sink that gives a file's bytes to the extracting child, as long as it wants them.

    When the child finds the content bad, the download still goes on: only the whole blob's digest can tell
    whether the image is bad, or the registry sent something else.
    """

    def __init__(self, extraction: Extraction, report: LayerReporter, file: int) -> None:
        self._extraction = extraction
        self._report = report
        self._file = file
        self._failure: ContentError | None = None

    def __call__(self, offset: int, count: int) -> None:
        if self._failure is not None:
            return
        if self._extraction.feed_file(self._file, offset, count):
            self._report.unpacked = self._extraction.unpacked
            return
        try:
            self._extraction.finish(lambda: None)
        except ContentError as error:
            self._failure = error

    def finish(self, size: int) -> Extracted:
        """Wait for the result of all ``size`` bytes; raise what the child found wrong with them."""
        if self._failure is not None:
            raise self._failure
        return self._extraction.finish(lambda: self._waiting(size))

    def _waiting(self, size: int) -> None:
        self._report.unpacked = self._extraction.unpacked
        self._report.moved(Phase.EXTRACTING, size)

"""Layers: extracted trees, each alone, under the digest of its uncompressed tar (its diff ID)."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from worker.engine.cancel import CancelToken
from worker.engine.disk import disk_errors, remove_tree
from worker.engine.durable import exchange, fsync_directory, fsync_file, sync_filesystem
from worker.engine.errors import LayerMissing, StoreDamaged
from worker.engine.oci import Digest
from worker.engine.store.locks import file_lock
from worker.engine.store.trash import Trash

_TREE, _FILES, _INFO = "tree", "files.msgpack.zst", "layer.json"
PARTS = frozenset({_TREE, _FILES, _INFO})
"""What a layer's directory holds."""


@dataclass(frozen=True, slots=True)
class LayerInfo:
    """What is known of an extracted layer without looking into its file index.

    Attributes:
        diff_id: Its identity.
        unpacked_size: Bytes of the uncompressed tar.
        content_size: Bytes of the regular files' content.
        entries: Records of its file index: files, directories, links, devices, and deletion marks.
        implied: Paths of the directories that the layer's tar has no entry for (``EntryType.IMPLIED``); None
            if they are not recorded here, because they are many or the layer was extracted by an early
            version: then only the file index tells.
    """

    diff_id: Digest
    unpacked_size: int
    content_size: int
    entries: int
    implied: tuple[bytes, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        """The record as it stands on disk. Names need not be text; JSON escapes what is none."""
        implied = None if self.implied is None else [os.fsdecode(path) for path in self.implied]
        return {**asdict(self), "diff_id": str(self.diff_id), "implied": implied, "version": 1}

    @classmethod
    def from_json(cls, diff_id: Digest, record: dict[str, Any]) -> Self:
        """The inverse of :meth:`to_json`; raises KeyError or TypeError for what is no such record."""
        implied = record.get("implied")
        return cls(
            diff_id,
            record["unpacked_size"],
            record["content_size"],
            record["entries"],
            None if implied is None else tuple(os.fsencode(path) for path in implied),
        )


class LayerStore:
    """All extracted layers of a store. Whatever :meth:`has` is complete and verified, and never changes."""

    def __init__(self, root: Path, ingest: Path, locks: Path, trash: Trash) -> None:
        self._root = root
        self._ingest = ingest
        self._locks = locks
        self._trash = trash

    def has(self, diff_id: Digest) -> bool:
        return self.home(diff_id).is_dir()

    def tree(self, diff_id: Digest) -> Path:
        """Where the tree stands, or would stand: the layer alone, in OverlayFS form. Never write to it."""
        return self.home(diff_id) / _TREE

    def index_path(self, diff_id: Digest) -> Path:
        """Where the file index stands, or would stand (read it with ``layers.FileIndex``)."""
        return self.home(diff_id) / _FILES

    def info(self, diff_id: Digest) -> LayerInfo:
        """Tell what the layer weighs, and what its tar leaves out.

        Raises:
            LayerMissing: it is not extracted.
            StoreDamaged: its record cannot be read.
        """
        try:
            return LayerInfo.from_json(diff_id, json.loads((self.home(diff_id) / _INFO).read_bytes()))
        except FileNotFoundError as error:
            raise LayerMissing(f"The layer {diff_id} is not extracted.") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise StoreDamaged(f"The record of the layer {diff_id} is damaged.") from error

    @contextlib.contextmanager
    def lock(
        self, diff_id: Digest, cancel: CancelToken | None = None, on_wait: Callable[[], None] | None = None
    ) -> Iterator[None]:
        """Be the only one, of all processes, who extracts this layer (see :func:`file_lock`)."""
        with file_lock(self._locks / f"layer-{diff_id.hex}", cancel, on_wait):
            yield

    @contextlib.contextmanager
    def stage(self, diff_id: Digest) -> Iterator[StagedLayer]:
        """Provide an empty place to extract into; whatever is not committed is gone afterwards.

        The caller holds the layer's lock. What a killed predecessor left of this layer is removed first.

        Raises:
            StoreError: the disk is full or refuses.
        """
        with disk_errors("prepare a layer"):
            for stale in self._ingest.glob(f"layer-{diff_id.hex}-*"):
                remove_tree(stale)
            place = Path(tempfile.mkdtemp(prefix=f"layer-{diff_id.hex}-", dir=self._ingest))
            (place / _TREE).mkdir(mode=0o755)
        try:
            yield StagedLayer(diff_id, place, self.home(diff_id), self._trash)
        finally:
            with disk_errors("remove a half-made layer"):
                remove_tree(place)

    def remove(self, diff_id: Digest) -> None:
        """Drop the extracted tree; that it is gone already is no error. Nothing may be mounted on it.

        Raises:
            StoreError: the disk refuses.
        """
        # Aside first: a layer that is half removed must not look whole.
        if self._trash.take(self.home(diff_id)):
            self._trash.empty()

    def home(self, diff_id: Digest) -> Path:
        """The directory of the layer's tree, file index and record."""
        return self._root / diff_id.algorithm / diff_id.hex


class StagedLayer:
    """A layer in the making.

    Attributes:
        diff_id: What it must turn out to be.
        tree: The directory to extract into.
        index_path: The file index to write.
    """

    def __init__(self, diff_id: Digest, place: Path, home: Path, trash: Trash) -> None:
        self.diff_id = diff_id
        self.tree = place / _TREE
        self.index_path = place / _FILES
        self._place = place
        self._home = home
        self._trash = trash

    def commit(self, info: LayerInfo) -> None:
        """Make the tree and its index durable, and move them into place together.

        Raises:
            StoreError: the disk is full or refuses.
        """
        with disk_errors("commit the layer"):
            self._complete(info)
            self._place.rename(self._home)
            fsync_directory(self._home.parent)

    def replace(self, info: LayerInfo, unused: AbstractContextManager[None]) -> None:
        """Like :meth:`commit`, in the place of a layer that is damaged, which is gone afterwards.

        Args:
            unused: Entered for the moment in which the two change places; it may raise to prevent that.

        Raises:
            StoreError: the disk is full or refuses.
        """
        with disk_errors("replace the layer"):
            self._complete(info)
            with unused:
                self._take_the_place()
            fsync_directory(self._home.parent)

    def replace_index(self, info: LayerInfo) -> None:
        """Put the file index and the record alone in the place of a layer's own; its tree stays as it is.

        Raises:
            StoreError: the disk is full or refuses, or there is no such layer.
        """
        with disk_errors("replace a layer's file index"):
            self._describe(info)
            # First the record: it describes the same layer, whichever index it stands beside.
            for name in (_INFO, _FILES):
                fsync_file(self._place / name)
                (self._place / name).replace(self._home / name)
            fsync_directory(self._home)

    def _complete(self, info: LayerInfo) -> None:
        self._describe(info)
        self._place.chmod(0o755)
        sync_filesystem(self._place)

    def _describe(self, info: LayerInfo) -> None:
        (self._place / _INFO).write_text(json.dumps(info.to_json()))
        for file in (self._place / _INFO, self.index_path):
            file.chmod(0o444)

    def _take_the_place(self) -> None:
        if not os.path.lexists(self._home):
            self._place.rename(self._home)
            return
        try:
            exchange(self._place, self._home)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOSYS):
                raise
            # The file system can only do it in two steps; in between the layer is missing.
            self._trash.take(self._home)
            self._place.rename(self._home)

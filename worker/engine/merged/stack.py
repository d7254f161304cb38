"""What to mount for an image: its layers' trees, and what must lie on top of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from worker.engine.disk import disk_errors
from worker.engine.errors import LayerMissing
from worker.engine.layers import EntryType, FileIndex
from worker.engine.merged.directories import look_up, make
from worker.engine.merged.inheritance import Attributes, inherited, root_of, with_ancestors
from worker.engine.oci import Digest
from worker.engine.store import LayerStore


@dataclass(frozen=True, slots=True)
class Stack:
    """An image's layers, ready to be merged.

    Attributes:
        trees: The layers' trees, the base first, no two the same.
        inherited: Directories, by path, that the trees alone would show with wrong attributes, and the
            directories that lead to them (see :func:`~worker.engine.merged.inheritance.inherited`).
        root: The attributes of the merged root.
    """

    trees: tuple[Path, ...]
    inherited: Mapping[bytes, Attributes]
    root: Attributes

    @classmethod
    def of(cls, layers: LayerStore, diff_ids: Iterable[Digest]) -> Self:
        """Look at an image's layers, the base first.

        Raises:
            LayerMissing: a layer is not extracted.
            StoreDamaged: what is recorded of a layer cannot be read.
            StoreError: this process may not look into a layer.
        """
        distinct = _distinct(layers, diff_ids)
        trees = tuple(layers.tree(diff_id) for diff_id in distinct)
        implied = [_implied(layers, diff_id) for diff_id in distinct]
        # What the base implies, nothing further down describes.
        paths = with_ancestors(path for layer in implied[1:] for path in layer) | {b""}
        with disk_errors("look into the layers"):
            found = [look_up(tree, paths, known) for tree, known in zip(trees, implied, strict=True)]
        return cls(trees, inherited(found), root_of(found))

    def lowers(self, top: Path, *, read_only: bool = False) -> tuple[Path, ...]:
        """The directories to mount, the base first; ``top`` is made, and last of them, if it is needed.

        It holds the directories of ``inherited`` alone, with their attributes.

        Args:
            top: Where nothing is yet, on a file system that takes the trees' attributes. It has to stay as
                long as the mount, and belongs to the caller.
            read_only: The mount gets no upper. Then ``top`` is always needed: the kernel merges no less than
                two directories, and the root has no upper to get its attributes from. Otherwise the
                upper should get ``root``.

        Raises:
            StoreError: the disk is full or refuses.
        """
        if not read_only and self.inherited.keys() <= {b""}:
            return self.trees
        with disk_errors("make the directories on top of the layers"):
            make(top, {b"": self.root, **self.inherited})
        return (*self.trees, top)


def trees_of(layers: LayerStore, diff_ids: Iterable[Digest]) -> tuple[Path, ...]:
    """The trees of an image's layers, as in :class:`Stack`.

    Raises:
        LayerMissing: a layer is not extracted.
    """
    return tuple(layers.tree(diff_id) for diff_id in _distinct(layers, diff_ids))


def _distinct(layers: LayerStore, diff_ids: Iterable[Digest]) -> tuple[Digest, ...]:
    """Each layer once, the base first.

    A layer that comes twice counts where it is topmost: applied again it changes nothing below that, and the
    kernel refuses to mount one directory twice.
    """
    topmost_first = dict.fromkeys(reversed(tuple(diff_ids)))
    distinct = tuple(reversed(topmost_first))
    missing = [diff_id for diff_id in distinct if not layers.has(diff_id)]
    if missing:
        raise LayerMissing(
            f"{len(missing)} of {len(distinct)} layers are not extracted; the first of them is {missing[0]}."
        )
    return distinct


def _implied(layers: LayerStore, diff_id: Digest) -> frozenset[bytes]:
    listed = layers.info(diff_id).implied
    if listed is not None:
        return frozenset(listed)
    entries = FileIndex(layers.index_path(diff_id)).entries()
    return frozenset(entry.path for entry in entries if entry.type is EntryType.IMPLIED)

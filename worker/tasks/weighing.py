"""What each layer's tree takes on the disk, written into the catalog once: a tree never changes.

It takes a walk over all of its files, and a page that tells what removing images would free cannot wait for
that, nor may it look into every tree.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping

from worker.engine.cancel import CancelToken
from worker.engine.errors import Conflict
from worker.engine.housekeeping import tree_bytes
from worker.engine.oci import Digest
from worker.engine.store import Store, file_lock
from worker.models import Layer

_LOCK = "trees"
_BATCH = 500


def unweighed() -> bool:
    """Whether the disk use of some tree is not known yet."""
    return Layer.objects.filter(tree_present=True, tree_bytes=None).exists()


def weigh_trees(store: Store, cancel: CancelToken | None = None) -> None:
    """Measure the trees whose disk use is not known; one at a time does that.

    Raises:
        StoreError: the disk refuses, or this process may not look into the store.
        Cancelled: what was measured by then is written.
    """
    with contextlib.suppress(Conflict), file_lock(store.ingest / "locks" / _LOCK, cancel, _give_up):
        for diff_id in Layer.objects.filter(tree_present=True, tree_bytes=None).values_list(
            "diff_id", flat=True
        ):
            if cancel is not None:
                cancel.check()
            found = tree_bytes(store, Digest.parse(diff_id))
            if found is not None:
                Layer.objects.filter(diff_id=diff_id, tree_present=True).update(tree_bytes=found)


def write_weights(trees: Mapping[str, int]) -> None:
    """Write what a measurement of the whole store found, by diff ID."""
    known = Layer.objects.filter(tree_present=True).values_list("pk", "diff_id", "tree_bytes")
    wrong = [
        Layer(pk=pk, tree_bytes=trees[diff_id])
        for pk, diff_id, bytes in known
        if diff_id in trees and trees[diff_id] != bytes
    ]
    Layer.objects.bulk_update(wrong, ["tree_bytes"], batch_size=_BATCH)


def weigh_again(diff_ids: Iterable[str]) -> None:
    """Forget what these trees take: they were made anew."""
    Layer.objects.filter(diff_id__in=list(diff_ids)).update(tree_bytes=None)


def _give_up() -> None:
    raise Conflict("Somebody else measures the trees already.")

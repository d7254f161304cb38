"""How much disk the store uses, by kind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from worker.engine.cancel import CancelToken
from worker.engine.disk import disk_errors
from worker.engine.events import Keeping, Listener, ignore
from worker.engine.housekeeping.values import Survey, Usage
from worker.engine.housekeeping.walk import usage
from worker.engine.store import Store

_STEP = "measuring"


def survey(store: Store, *, listener: Listener = ignore, cancel: CancelToken | None = None) -> Survey:
    """Measure the store, entry by entry: a store of millions of files takes a while.

    Raises:
        StoreError: this process may not look into it, or the disk fails.
        Cancelled
    """
    with disk_errors("measure the store"):
        homes = list(_inside(store.root / "layers" / "sha256"))
        trees = indexes = 0
        layers: dict[str, int] = {}
        for done, home in enumerate(homes):
            if cancel is not None:
                cancel.check()
            listener(Keeping(_STEP, done, len(homes), trees + indexes, f"sha256:{home.name}"))
            tree = usage(home / "tree")
            trees += tree
            layers[f"sha256:{home.name}"] = tree
            indexes += usage(home) - tree
        listener(Keeping(_STEP, len(homes), len(homes), trees + indexes, ""))
        named = {"blobs", "layers", "ingest", "containers"}
        return Survey(
            {
                "blobs": _measure(_inside(store.root / "blobs" / "sha256")),
                "trees": Usage(len(homes), trees),
                "indexes": Usage(len(homes), indexes),
                "partials": _measure(_unfinished(store)),
                "containers": _measure(_inside(store.containers)),
                "other": _measure(path for path in _inside(store.root) if path.name not in named),
            },
            layers,
        )


def _unfinished(store: Store) -> Iterator[Path]:
    yield from (path for path in _inside(store.ingest) if path.name not in ("locks", store.trash.path.name))
    yield from _inside(store.trash.path)


def _inside(directory: Path) -> Iterator[Path]:
    if directory.is_dir():
        yield from sorted(directory.iterdir())


def _measure(paths: Iterator[Path]) -> Usage:
    sizes = [usage(path) for path in paths]
    return Usage(len(sizes), sum(sizes))

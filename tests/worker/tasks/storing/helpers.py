"""Two images, of which one stands on the other, and the trees of a store."""

from __future__ import annotations

import os

from samples.images import image, layer
from worker.engine.store import Store

_BASE = layer({"etc/name": b"base", "big": os.urandom(40_000)})
BASE = image([_BASE])
APP = image([_BASE, layer({"app": os.urandom(60_000)})])


def trees(store: Store) -> set[str]:
    return {f"sha256:{path.name}" for path in (store.root / "layers" / "sha256").iterdir()}

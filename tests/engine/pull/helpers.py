"""Pulling in tests, and looking at what it left."""

from __future__ import annotations

import os
import random
from pathlib import Path

from samples.images import SampleLayer, image, layer
from tests.engine.layers.processes import below
from worker.engine.cancel import CancelToken
from worker.engine.events import Listener, ignore
from worker.engine.oci import Platform, Reference
from worker.engine.pull import PulledImage, PullRequest, pull
from worker.engine.registry import Endpoint
from worker.engine.store import Store

BASE = layer({"etc/os": b"sample", "bin/sh": b"#!" * 5000}, dirs=["etc", "bin"])
APP = layer({"srv/app": b"app" * 9000}, dirs=["srv"], whiteouts=["bin/sh"])
IMAGE = image([BASE, APP], history=["FROM scratch", "COPY app /srv"])


def pull_it(
    store: Store,
    name: str,
    *,
    platform: str = "",
    fetch_only: bool = False,
    at_once: int = 2,
    listener: Listener = ignore,
    cancel: CancelToken | None = None,
    stall_timeout: float = 60.0,
) -> PulledImage:
    """Pull from a registry that speaks plain HTTP."""
    reference = Reference.parse(name)
    request = PullRequest(
        reference,
        Platform.parse(platform) if platform else None,
        Endpoint(reference.registry, insecure=True, stall_timeout=stall_timeout),
        fetch_only,
        at_once,
    )
    return pull(store, request, listener, cancel)


def left(store: Store) -> list[str]:
    """What stands under blobs/, layers/ and ingest/: nothing, after a failure."""
    found = [
        str(path.relative_to(store.root))
        for part in ("blobs/sha256", "layers/sha256")
        for path in (store.root / part).iterdir()
    ]
    return sorted(found + unfinished(store))


def unfinished(store: Store) -> list[str]:
    """What stands under ingest/, but for the locks and the trash itself."""
    parts = [*store.ingest.iterdir(), *store.trash.path.iterdir()]
    return sorted(str(path.relative_to(store.root)) for path in parts if path.name not in ("locks", "trash"))


def random_layer(name: str, size: int, compression: str = "gzip") -> SampleLayer:
    """A layer of one file that does not compress."""
    return layer({name: random.Random(name).randbytes(size)}, compression=compression)


def children() -> list[int]:
    """Processes for extraction that this one has started and not yet seen end."""
    return below(os.getpid())


def damage(path: Path) -> None:
    """Change one byte in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.chmod(0o644)
    path.write_bytes(content)

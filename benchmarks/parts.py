"""Where a pull's CPU seconds go, and what the file index costs: the engine's own parts, run by themselves.

The switches that leave something out are here, and not in the product.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from worker.engine.layers import tree
from worker.engine.layers.index import IndexWriter
from worker.engine.layers.limits import Limits
from worker.engine.layers.stream import Inflated
from worker.engine.layers.unpack import unpack

_READ = 1 << 20


class _NoHash:
    def update(self, data: object) -> None:
        """Hash nothing."""

    def digest(self) -> bytes:
        return bytes(32)


class _NoStreamHash(_NoHash):
    def hexdigest(self) -> str:
        return ""


def parts(blobs: Sequence[Path], place: Path) -> dict[str, float]:
    """CPU seconds by part, for all layers one after the other; each part in a process of its own.

    What a part costs is the difference that leaving it out makes.
    """
    whole = _cpu(lambda: _unpack_all(blobs, place))
    without_hash = _cpu(lambda: _unpack_all(blobs, place, hashes=False))
    without_index = _cpu(lambda: _unpack_all(blobs, place, hashes=False, index=False))
    stream = _cpu(lambda: _inflate_all(blobs))
    inflate = _cpu(lambda: _inflate_all(blobs, hashes=False))
    return {
        "sha256 of the blobs": _cpu(lambda: _hash_all(blobs)),
        "inflate": inflate,
        "sha256 of the tars": stream - inflate,
        "reading the tars, writing the trees": without_index - stream,
        "sha256 of every file": whole - without_hash,
        "records of the file index": without_hash - without_index,
    }


def _cpu(work: Callable[[], None]) -> float:
    pid = os.fork()
    if not pid:
        try:
            work()
        finally:
            os._exit(0)
    _, _, used = os.wait4(pid, 0)
    return used.ru_utime + used.ru_stime


def _unpack_all(blobs: Sequence[Path], place: Path, *, hashes: bool = True, index: bool = True) -> None:
    os.umask(0)
    with ExitStack() as stack:
        if not hashes:
            stack.enter_context(patch.object(tree, "hashlib", SimpleNamespace(sha256=_NoHash)))
        if not index:
            stack.enter_context(patch.object(IndexWriter, "add", _ignore))
            stack.enter_context(patch.object(IndexWriter, "close", _ignore))
        for blob in blobs:
            for root, file in _places(place):
                with blob.open("rb", buffering=0) as source, file.open("w+b", buffering=0) as index_file:
                    unpack(source, root, index_file, Limits())


def _places(place: Path) -> Iterator[tuple[int, Path]]:
    """An empty directory, open, and the name of a file; both are removed afterwards."""
    there = place / "parts"
    (there / "tree").mkdir(parents=True)
    root = os.open(there / "tree", os.O_RDONLY | os.O_DIRECTORY)
    yield root, there / "index"
    os.close(root)
    # By another process: removing is not what is measured.
    os.spawnvp(os.P_NOWAIT, "rm", ["rm", "-r", str(there.rename(place / f"gone{os.urandom(4).hex()}"))])


def _inflate_all(blobs: Sequence[Path], *, hashes: bool = True) -> None:
    for blob in blobs:
        with blob.open("rb", buffering=0) as source:
            stream = Inflated(source, Limits())
            if not hashes:
                stream._hash = _NoStreamHash()  # type: ignore[assignment]
            for _ in stream:
                pass


def _hash_all(blobs: Sequence[Path]) -> None:
    for blob in blobs:
        with blob.open("rb", buffering=0) as source:
            digest = hashlib.sha256()
            while data := source.read(_READ):
                digest.update(data)


def _ignore(*_: Any) -> None:
    """Do nothing."""

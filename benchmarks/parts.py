"""Where a pull's CPU seconds go, and what the file index costs: the engine's own parts, run by themselves.

The switches that leave something out are here, and not in the product.
"""

from __future__ import annotations

import hashlib
import math
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import mkdtemp
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from benchmarks.measuring import Failed
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


def parts(
    blobs: Sequence[Path], place: Path, fetch: Callable[[Path], object], rounds: int
) -> dict[str, float]:
    """CPU seconds by part, for all layers one after the other; each part in a process of its own.

    What a part costs is the difference that leaving it out makes, between the best of all rounds.

    Args:
        fetch: Fetches the same blobs into an empty store at the path that it is given.
    """
    works: dict[str, Callable[[], object]] = {
        "all": lambda: _unpack_all(blobs, place),
        "without hashes": lambda: _unpack_all(blobs, place, hashes=False),
        "without index": lambda: _unpack_all(blobs, place, hashes=False, index=False),
        "stream": lambda: _inflate_all(blobs),
        "inflate": lambda: _inflate_all(blobs, hashes=False),
        "hash": lambda: _hash_all(blobs),
        "fetch": lambda: fetch(place / f"parts{os.getpid()}"),
    }
    best = dict.fromkeys(works, math.inf)
    for _ in range(rounds):
        for name, work in works.items():
            best[name] = min(best[name], _cpu(work))
            _remove(place)
    return {
        "fetching and storing the blobs": best["fetch"] - best["hash"],
        "sha256 of the blobs": best["hash"],
        "inflating": best["inflate"],
        "sha256 of the tars": best["stream"] - best["inflate"],
        "reading the tars, writing the trees": best["without index"] - best["stream"],
        "index: sha256 of every file": best["all"] - best["without hashes"],
        "index: records": best["without hashes"] - best["without index"],
    }


def _cpu(work: Callable[[], object]) -> float:
    pid = os.fork()
    if not pid:
        try:
            work()
            os._exit(0)
        except BaseException:  # noqa: BLE001 (whatever it is, this process must not go on)
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(1)
    _, status, used = os.wait4(pid, 0)
    if status:
        raise Failed("A part of the engine fails by itself: the lines above say why.")
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
            with _place(place) as (root, file):
                with blob.open("rb", buffering=0) as source, file.open("w+b", buffering=0) as index_file:
                    unpack(source, root, index_file, Limits())


@contextmanager
def _place(place: Path) -> Iterator[tuple[int, Path]]:
    """An empty directory, open, and the name of a file; to be removed by who measures, later."""
    there = Path(mkdtemp(prefix="parts", dir=place))
    root = os.open(there, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield root, place / f"{there.name}.index"
    finally:
        os.close(root)


def _remove(place: Path) -> None:
    for left in place.glob("parts*"):
        if left.is_dir():
            shutil.rmtree(left)
        else:
            left.unlink()


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

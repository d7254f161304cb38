"""What may be garbage: everything that could be cleared away, each with the test whether it is."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from worker.engine.containers.home import Home
from worker.engine.containers.mounts import mounts_below
from worker.engine.errors import LayerMissing, StoreDamaged
from worker.engine.housekeeping.values import Garbage, GarbageKind
from worker.engine.housekeeping.walk import usage
from worker.engine.oci import Digest
from worker.engine.pipeline.needed import Marks
from worker.engine.store import GATE, Store, Trash, abandoned

_HEX = re.compile(r"[a-f0-9]{64}")
_PARTIAL_BLOB = re.compile(r"blob-([a-f0-9]{64})")
_HALF_LAYER = re.compile(r"layer-([a-f0-9]{64})-.*")
_OWNED = ("pin-", "write-", "probe-")  # names of what is somebody's as long as he holds it as a lock


@dataclass(frozen=True, slots=True)
class Suspect:
    """Something that is garbage, unless it is needed.

    Attributes:
        garbage: How to tell of it.
        path: Where it is.
        blob: It is needed if this blob is.
        layer: It is needed if this layer is.
        owned: It is needed if somebody holds it as a lock.
        record: It is needed if this file exists.
    """

    garbage: Garbage
    path: Path
    blob: Digest | None = None
    layer: Digest | None = None
    owned: bool = False
    record: Path | None = None

    def unneeded(self, marks: Marks) -> bool:
        """Whether it is garbage, if that is all that is needed."""
        # What is unfinished is only of use to who is working on it.
        content = marks.pinned if self.garbage.kind == "partial" else marks.needed
        if self.blob in content.blobs or self.layer in content.layers:
            return False
        if self.record is not None and self.record.exists():
            return False
        if not self.owned:
            return True
        with abandoned(self.path) as dead:
            return dead

    def take(self, trash: Trash) -> bool:
        """Move it out of sight, under the closed gate; False if it is gone, or somebody's meanwhile."""
        if not self.owned:
            return trash.take(self.path)
        with abandoned(self.path) as dead:
            return dead and trash.take(self.path)


def suspects(store: Store, before: float) -> Iterator[Suspect]:
    """Everything that could be garbage.

    Args:
        before: Unfinished downloads that have grown since this time (seconds since the epoch) are none.

    Raises:
        OSError: the disk refuses, or this process may not look.
    """
    for path in _inside(store.root / "blobs" / "sha256"):
        if _HEX.fullmatch(path.name):
            digest = Digest("sha256", path.name)
            yield Suspect(_garbage("blob", str(digest), path), path, blob=digest)
    for path in _inside(store.root / "layers" / "sha256"):
        if _HEX.fullmatch(path.name):
            diff_id = Digest("sha256", path.name)
            yield Suspect(Garbage("layer", str(diff_id), _layer_size(store, diff_id)), path, layer=diff_id)
    yield from _unfinished(store, before)
    yield from _half_made_containers(store, before)


def _unfinished(store: Store, before: float) -> Iterator[Suspect]:
    locks = store.ingest / "locks"
    for path in _inside(store.ingest):
        if path in (locks, store.trash.path):
            continue
        if match := _PARTIAL_BLOB.fullmatch(path.name):
            if _changed(path) < before:
                digest = Digest("sha256", match[1])
                yield Suspect(_garbage("partial", str(digest), path), path, blob=digest)
        elif match := _HALF_LAYER.fullmatch(path.name):
            diff_id = Digest("sha256", match[1])
            yield Suspect(_garbage("partial", str(diff_id), path), path, layer=diff_id)
        elif path.name.startswith(_OWNED):
            yield Suspect(_garbage("other", _name(store, path), path), path, owned=True)
        elif _changed(path) < before:
            yield Suspect(_garbage("other", _name(store, path), path), path)
    for path in _inside(locks):
        # Folders among them hold the caps of a registry, whose files stay.
        if path.name != GATE and not path.is_dir():
            yield Suspect(_garbage("other", _name(store, path), path), path, owned=True)


def _half_made_containers(store: Store, before: float) -> Iterator[Suspect]:
    """Those without a record, whose maker is dead, that nobody has touched for long, with nothing mounted."""
    for path in _inside(store.containers):
        record = Home(path).about
        if not record.exists() and _changed(path) < before and not mounts_below(path):
            yield Suspect(_garbage("container", path.name, path), path, owned=True, record=record)


def _layer_size(store: Store, diff_id: Digest) -> int:
    """Without looking at each of its files, if its record tells."""
    with contextlib.suppress(StoreDamaged, LayerMissing):
        return store.layers.info(diff_id).content_size
    return usage(store.layers.home(diff_id))


def _garbage(kind: GarbageKind, name: str, path: Path) -> Garbage:
    if path.is_dir():
        return Garbage(kind, name, usage(path))
    with contextlib.suppress(FileNotFoundError):
        return Garbage(kind, name, path.stat().st_size)
    return Garbage(kind, name, 0)


def _name(store: Store, path: Path) -> str:
    return str(path.relative_to(store.root))


def _changed(path: Path) -> float:
    """When it was last written to; never, if it is gone: it need not be looked at again."""
    with contextlib.suppress(FileNotFoundError):
        return path.lstat().st_mtime
    return float("inf")


def _inside(directory: Path) -> Iterator[Path]:
    if directory.is_dir():
        yield from sorted(directory.iterdir())

"""Pins: what somebody relies on while he works, so that nobody clears it away.

A pin is a file, and counts as long as its maker holds it by flock(2): a killed one's counts for nothing.
Between pins and whoever clears away stands the *gate*. A pin is written while the gate is held together with
others, which takes no time; who clears away holds it alone while he looks at the pins and moves things out of
sight. So the order is always: pin first, then look whether it is there.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from worker.engine.cancel import CancelToken
from worker.engine.disk import disk_errors
from worker.engine.durable import leads_to
from worker.engine.errors import InvalidDigest
from worker.engine.oci import Digest
from worker.engine.store.locks import abandoned, exclusive_lock, shared_lock

_PREFIX = "pin-"


@dataclass(frozen=True, slots=True)
class Content:
    """Things in a store, by their identity.

    Attributes:
        blobs: Digests of blobs: indexes, manifests, configs, compressed layers.
        layers: Diff IDs of layers.
    """

    blobs: frozenset[Digest] = frozenset()
    layers: frozenset[Digest] = frozenset()

    def __or__(self, other: Content) -> Content:
        return Content(self.blobs | other.blobs, self.layers | other.layers)


class Pin:
    """What one pull, extraction or other work relies on, from when it says so until it ends."""

    def __init__(self, fd: int, gate: Path, cancel: CancelToken | None) -> None:
        self._fd = fd
        self._gate = gate
        self._cancel = cancel
        self._known: set[bytes] = set()

    def add(self, content: Content) -> None:
        """Rely on these too, whether they are here or not. What is here now stays.

        Raises:
            Cancelled: while waiting for the gate.
            StoreError: the disk is full or refuses.
        """
        lines = {f"blob {digest}\n".encode() for digest in content.blobs}
        lines |= {f"layer {diff_id}\n".encode() for diff_id in content.layers}
        fresh = lines - self._known
        if not fresh:
            return
        view = memoryview(b"".join(sorted(fresh)))
        with disk_errors("write down what is in use"), shared_lock(self._gate, self._cancel):
            while view:
                view = view[os.write(self._fd, view) :]
        self._known |= fresh


class Pins:
    """All pins of a store, and the gate."""

    def __init__(self, ingest: Path, gate: Path) -> None:
        self._ingest = ingest
        self._gate = gate

    @contextlib.contextmanager
    def hold(self, cancel: CancelToken | None = None) -> Iterator[Pin]:
        """Make a pin, which holds nothing yet; it is gone when the block is left.

        Raises:
            Cancelled: while waiting for the gate.
            StoreError: the disk is full or refuses.
        """
        with disk_errors("write down what is in use"), shared_lock(self._gate, cancel):
            self._remove_dead()
            path, fd = self._make()
        try:
            yield Pin(fd, self._gate, cancel)
        finally:
            # In this order, for the reason that locks have. A file that stays counts for nothing.
            with contextlib.suppress(OSError):
                path.unlink()
            os.close(fd)

    @contextlib.contextmanager
    def closed(self, cancel: CancelToken | None = None) -> Iterator[None]:
        """Hold the gate alone: within the block no pin appears or grows. Be quick.

        Raises:
            Cancelled: while waiting for it.
            StoreError: the disk refuses.
        """
        with exclusive_lock(self._gate, cancel):
            yield

    @contextlib.contextmanager
    def open(self) -> Iterator[None]:
        """Hold the gate together with others: within the block nobody clears anything away. Be quick.

        Raises:
            StoreError: the disk refuses.
        """
        with shared_lock(self._gate):
            yield

    def content(self) -> Content:
        """All that is pinned. Exact within :meth:`closed`, else as of some moment.

        Raises:
            StoreError: the disk refuses.
        """
        blobs: set[Digest] = set()
        layers: set[Digest] = set()
        with disk_errors("read what is in use"):
            for path in self._ingest.glob(f"{_PREFIX}*"):
                with abandoned(path) as dead:
                    if not dead:
                        _read(path, blobs, layers)
        return Content(frozenset(blobs), frozenset(layers))

    def _make(self) -> tuple[Path, int]:
        while True:
            path = self._ingest / f"{_PREFIX}{os.getpid()}-{secrets.token_hex(8)}"
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o644)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX)
                if leads_to(path, fd):
                    return path, fd
            except BaseException:
                os.close(fd)
                raise
            os.close(fd)  # somebody was quicker, and took it for a dead one's

    def _remove_dead(self) -> None:
        for path in self._ingest.glob(f"{_PREFIX}*"):
            with abandoned(path) as dead:
                if dead:
                    path.unlink(missing_ok=True)


def _read(path: Path, blobs: set[Digest], layers: set[Digest]) -> None:
    try:
        content = path.read_text()
    except FileNotFoundError:
        return
    # The last line may be cut off: by a full disk, of which its writer knows, and so does not rely on it.
    for line in content.splitlines():
        kind, _, text = line.partition(" ")
        with contextlib.suppress(InvalidDigest):
            (layers if kind == "layer" else blobs).add(Digest.parse(text))

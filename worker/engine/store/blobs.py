"""Blobs: content as it came from the registry, under its digest (OCI image layout)."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from worker.engine.cancel import CancelToken
from worker.engine.disk import disk_errors
from worker.engine.durable import fsync_directory, write_atomically
from worker.engine.errors import DigestMismatch, SizeMismatch, StoreDamaged
from worker.engine.oci import Descriptor, Digest
from worker.engine.store.locks import file_lock

_CHUNK = 1 << 20


class BlobStore:
    """All blobs of a store. Whatever :meth:`has` is complete and verified, and never changes."""

    def __init__(self, root: Path, ingest: Path, locks: Path) -> None:
        self._root = root
        self._ingest = ingest
        self._locks = locks

    def path(self, digest: Digest) -> Path:
        """Where the blob stands, or would stand."""
        return self._root / digest.algorithm / digest.hex

    def has(self, digest: Digest) -> bool:
        return self.path(digest).is_file()

    def is_here(self, descriptor: Descriptor) -> bool:
        """Whether the blob is here, in the size that ``descriptor`` says."""
        try:
            return self.path(descriptor.digest).stat().st_size == descriptor.size
        except FileNotFoundError:
            return False

    def open(self, digest: Digest) -> BinaryIO:
        """Open a blob for reading, unbuffered.

        Raises:
            StoreDamaged: it is not here.
        """
        try:
            return self.path(digest).open("rb", buffering=0)
        except FileNotFoundError as error:
            raise StoreDamaged(f"The blob {digest} is not in the store.") from error

    def read(self, digest: Digest, limit: int) -> bytes:
        """Read a small blob whole, and verify it: a manifest or a config.

        Raises:
            StoreDamaged: it is not here, is larger than ``limit`` bytes, or is no longer what it was.
        """
        with self.open(digest) as file:
            content = file.read(limit + 1)
        if len(content) > limit or Digest.of(content) != digest:
            raise StoreDamaged(f"The blob {digest} in the store is damaged.")
        return content

    def put(self, content: bytes) -> Digest:
        """Store small content; that it is here already is no error, and what is damaged is replaced.

        Raises:
            StoreError: the disk is full or refuses.
        """
        digest = Digest.of(content)
        with disk_errors("write to the store"):
            try:
                self.read(digest, len(content))
            except StoreDamaged:
                write_atomically(self.path(digest), content, self._ingest)
        return digest

    def remove(self, digest: Digest) -> None:
        """Remove a blob; that it is gone already is no error.

        Raises:
            StoreError: the disk refuses.
        """
        with disk_errors("remove a blob"):
            self.path(digest).unlink(missing_ok=True)

    @contextlib.contextmanager
    def lock(
        self, digest: Digest, cancel: CancelToken | None = None, on_wait: Callable[[], None] | None = None
    ) -> Iterator[None]:
        """Be the only one, of all processes, who brings this blob (see :func:`file_lock`)."""
        with file_lock(self._locks / f"blob-{digest.hex}", cancel, on_wait):
            yield

    def partial_size(self, digest: Digest) -> int:
        """Bytes of the blob that an unfinished download has brought so far."""
        try:
            return self.partial(digest).stat().st_size
        except FileNotFoundError:
            return 0

    def ingest(self, digest: Digest, size: int) -> BlobWriter:
        """Begin, or resume, to write a blob. The caller holds its lock.

        Raises:
            StoreError: the disk refuses.
        """
        return BlobWriter(digest, size, self.partial(digest), self.path(digest))

    def partial(self, digest: Digest) -> Path:
        """Where the bytes of an unfinished download stand, or would stand."""
        return self._ingest / f"blob-{digest.hex}"


class BlobWriter:
    """One blob on its way into the store: written to ``ingest/``, hashed, and moved when proven right.

    A context manager. Left without :meth:`commit` or :meth:`discard`, it keeps the bytes for the next
    attempt. The bytes of an earlier attempt count only after :meth:`replay` has hashed them.

    Attributes:
        size: Bytes that the finished blob must have.
        offset: Bytes written and hashed so far; the next to fetch.
        replayed: Bytes of them that an earlier attempt had brought.
    """

    def __init__(self, digest: Digest, size: int, partial: Path, target: Path) -> None:
        self.digest = digest
        self.size = size
        self.offset = 0
        self.replayed = 0
        self._hash = hashlib.sha256()
        self._partial = partial
        self._target = target
        with disk_errors("write to the store"):
            self._fd = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def __enter__(self) -> BlobWriter:
        return self

    def __exit__(self, *_: object) -> None:
        if os.fstat(self._fd).st_size == 0:  # nothing came, so there is nothing to keep
            with contextlib.suppress(OSError):
                self._partial.unlink(missing_ok=True)
        os.close(self._fd)

    def fileno(self) -> int:
        """The open file; what has been written to it stays as it is."""
        return self._fd

    def replay(self) -> Iterator[memoryview]:
        """Hash what an earlier attempt left, and yield it too; a view is valid until the next one."""
        buffer = memoryview(bytearray(_CHUNK))
        with disk_errors("read an unfinished download"):
            while count := os.preadv(self._fd, [buffer], self.offset):
                if self.offset + count > self.size:
                    os.ftruncate(self._fd, self.offset)
                    return
                self._hash.update(buffer[:count])
                self.offset += count
                self.replayed = self.offset
                yield buffer[:count]

    def write(self, data: bytes | memoryview) -> None:
        """Append.

        Raises:
            SizeMismatch: more bytes than the blob has.
            StoreError: the disk is full or refuses.
        """
        if self.offset + len(data) > self.size:
            raise SizeMismatch(
                f"The registry sent more than the {self.size} bytes of the blob {self.digest}."
            )
        view = memoryview(data)
        with disk_errors("write the blob"):
            while view:
                written = os.pwrite(self._fd, view, self.offset)
                self._hash.update(view[:written])
                self.offset += written
                view = view[written:]

    def verify(self) -> None:
        """Prove that the blob is whole and right.

        Raises:
            SizeMismatch: bytes are missing.
            DigestMismatch: these are other bytes.
        """
        if self.offset != self.size:
            raise SizeMismatch(
                f"The registry sent {self.offset} bytes of the blob {self.digest}, which has {self.size}."
            )
        found = self._hash.hexdigest()
        if found != self.digest.hex:
            raise DigestMismatch(
                f"The registry sent content with the digest sha256:{found} as {self.digest}."
            )

    def commit(self) -> None:
        """Verify, make durable, and move into place.

        Raises:
            ContentError: it is not what was promised (see :meth:`verify`).
            StoreError: the disk is full or refuses.
        """
        self.verify()
        with disk_errors("commit the blob"):
            os.ftruncate(self._fd, self.size)
            os.fchmod(self._fd, 0o444)
            os.fsync(self._fd)
            self._partial.rename(self._target)
            fsync_directory(self._target.parent)

    def discard(self) -> None:
        """Forget the bytes: they are wrong, or there is no room for them.

        Raises:
            StoreError: the disk refuses.
        """
        with disk_errors("remove an unfinished download"):
            self._partial.unlink(missing_ok=True)

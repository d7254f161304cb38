"""Extracting one layer through a jailed child process: fed with compressed bytes, answering with the result.

Not part of the package's face: the child imports the package too, and has no use for what this imports.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from worker.engine.cancel import CancelToken
from worker.engine.disk import disk_errors
from worker.engine.errors import SandboxError, StoreDamaged, StrataError
from worker.engine.layers.index import EntryType, FileIndex
from worker.engine.layers.limits import Limits
from worker.engine.layers.spawner import Spawner, readable
from worker.engine.layers.xattrs import OVERLAY_OPAQUE

_PIPE_BYTES = 1 << 20  # what an unprivileged user may ask for, by default
_REPORT_MAX = 16 << 20  # bytes; several times what an honest child ever says at once
_WAIT = 0.1  # seconds
_WALK = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Extracted:
    """What came out.

    Attributes:
        diff_id: SHA-256 of the uncompressed tar, in hex.
        unpacked_size: Its bytes.
        content_size: Bytes of the regular files' content.
        entries: Records in the file index.
        implied: Paths of the directories that the tar has no entry for (``EntryType.IMPLIED``); None if they
            are too many to be listed, and only the file index tells.
        left_out: Names of extended attributes that are not in the tree, though the tar has them: they mean
            something only where the layer was built, or this file system takes none. Some, if they are many.
    """

    diff_id: str
    unpacked_size: int
    content_size: int
    entries: int
    implied: tuple[bytes, ...] | None
    left_out: tuple[bytes, ...] = ()


class Extraction:
    """A child at work. A context manager: when it is left, the child is gone.

    Attributes:
        unpacked: Bytes of uncompressed tar so far.
    """

    def __init__(
        self,
        tree: Path,
        index_path: Path,
        limits: Limits | None = None,
        cancel: CancelToken | None = None,
        spawner: Spawner | None = None,
    ) -> None:
        """Start the child.

        Args:
            tree: An empty directory, to be filled.
            index_path: The file index, to be made.
            cancel: Kills the child, and so ends whatever waits for it, at once.
            spawner: Starts the child; None for one of its own.

        Raises:
            SandboxError: this process has not the rights to build a jail, or cannot start a program.
            StoreError: the index file cannot be made.
        """
        if os.geteuid() != 0:
            raise SandboxError(
                "Layers can be extracted only as root: file owners and device nodes need it.",
                hint="Run the worker as root (see docs/operations.md).",
            )
        self.unpacked = 0
        self._tree = tree.resolve()
        self._index_path = index_path
        self._cancel = cancel
        self._verdict: dict[str, Any] = {}
        self._unread = b""
        self._stack = contextlib.ExitStack()
        with contextlib.ExitStack() as starting, disk_errors("extract the layer"):
            spawner = starting.enter_context(Spawner()) if spawner is None else spawner
            self._start(index_path, limits or Limits(), spawner, starting)
            self._stack = starting.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def feed(self, data: bytes | memoryview) -> bool:
        """Give the child the next compressed bytes; wait while it has enough of them.

        Returns:
            False when it has ended early, and wants no more; :meth:`finish` tells why.
        """
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._input, view) :]
        except BrokenPipeError:
            return False
        self._listen(0)
        return True

    def feed_file(self, file: int, offset: int, count: int) -> bool:
        """Like :meth:`feed`, for ``count`` bytes of an open file: the kernel hands its pages on, uncopied.

        They must not change any more.

        Raises:
            StoreDamaged: the file ends before, though it had them: somebody else cut it off.
        """
        try:
            while count:
                moved = self._splice(file, offset, count)
                if not moved:
                    raise StoreDamaged("A blob was cut off while it was unpacked.")
                offset, count = offset + moved, count - moved
        except BrokenPipeError:
            return False
        self._listen(0)
        return True

    def finish(self, on_progress: Callable[[], None]) -> Extracted:
        """Tell the child that this was all, and wait for its result.

        Args:
            on_progress: Called about ten times a second while waiting.

        Raises:
            CorruptLayer, UnsafeLayer: as the child found.
            StoreError: the disk is full or refuses.
            SandboxError: the jail cannot be built, or the child died.
            Cancelled: while waiting.
        """
        self._close_input()
        while self._listen(_WAIT):
            on_progress()
        status = self._child.wait()
        if "done" in self._verdict:
            done = self._verdict["done"]
            opaque, implied, left_out = (_paths(done.pop(key)) for key in ("opaque", "implied", "left_out"))
            with disk_errors("mark opaque directories"):
                self._mark_opaque(self._opaque_in_index() if opaque is None else opaque)
            return Extracted(**done, implied=implied, left_out=left_out or ())
        if self._cancel is not None:
            self._cancel.check()
        raise self._failure(status)

    def _start(self, index_path: Path, limits: Limits, spawner: Spawner, stack: contextlib.ExitStack) -> None:
        theirs: list[int] = []  # which the child has copies of, once it has started
        try:
            source, self._input = os.pipe()
            theirs.append(source)
            stack.callback(self._close_input)
            theirs.append(os.open(index_path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            self._reports, reports = os.pipe()
            theirs.append(reports)
            stack.callback(os.close, self._reports)
            self._errors, errors = os.pipe()
            theirs.append(errors)
            stack.callback(os.close, self._errors)
            with contextlib.suppress(OSError):
                fcntl.fcntl(source, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
            self._child = spawner.spawn(self._tree, limits, theirs)
        finally:
            for fd in theirs:
                os.close(fd)
        stack.callback(self._child.close)
        if self._cancel is not None:
            stack.enter_context(self._cancel.on_cancel(self._child.kill))

    def _splice(self, file: int, offset: int, count: int) -> int:
        try:
            return os.splice(file, self._input, count, offset_src=offset)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
        # This file system has no splice.
        return os.write(self._input, os.pread(file, min(count, _PIPE_BYTES), offset))

    def _close_input(self) -> None:
        if self._input >= 0:
            os.close(self._input)
            self._input = -1

    def _listen(self, seconds: float) -> bool:
        """Read the reports that are there, or come soon; False once the child has closed its end."""
        if not readable(self._reports, seconds):
            return True
        data = os.read(self._reports, 1 << 16)
        *lines, self._unread = (self._unread + data).split(b"\n")
        if len(self._unread) > _REPORT_MAX:
            raise SandboxError("The extracting process reports without end.")
        for line in lines:
            report = json.loads(line)
            self.unpacked = report.get("unpacked", self.unpacked)
            if "unpacked" not in report:
                self._verdict = report
        return bool(data)

    def _failure(self, status: int | None) -> StrataError:
        if "error" in self._verdict:
            error = self._verdict["error"]
            return _ERRORS.get(error["code"], StrataError)(error["message"], hint=error["hint"])
        said = os.read(self._errors, 1 << 16)[-500:].decode(errors="replace").strip()
        how = f"status {status}" + (f": {said}" if said else "")
        return SandboxError(
            f"The extracting process died ({how}).", hint="If this machine is short of memory, give it more."
        )

    def _opaque_in_index(self) -> Iterator[bytes]:
        for entry in FileIndex(self._index_path).entries():
            if entry.type is EntryType.OPAQUE:
                yield entry.path

    def _mark_opaque(self, paths: Iterable[bytes]) -> None:
        """Set OverlayFS's mark, for which the child has no right; believing it nothing but names."""
        for path in paths:
            fd = os.open(self._tree, _WALK)
            try:
                for name in path.split(b"/") if path else ():
                    if name in (b"", b".", b".."):
                        raise SandboxError(f"The extracting process reported an impossible path: {path!r}.")
                    deeper = os.open(name, _WALK, dir_fd=fd)
                    os.close(fd)
                    fd = deeper
                os.setxattr(fd, OVERLAY_OPAQUE, b"y")
            finally:
                os.close(fd)


def _paths(names: list[str] | None) -> tuple[bytes, ...] | None:
    return None if names is None else tuple(os.fsencode(name) for name in names)


def _all_kinds(kind: type[StrataError]) -> Iterator[type[StrataError]]:
    yield kind
    for narrower in kind.__subclasses__():
        yield from _all_kinds(narrower)


_ERRORS = {kind.code: kind for kind in _all_kinds(StrataError)}

"""Opening one regular file of a layer's tree.

A tree holds what strangers packed: links that lead out, FIFOs that never answer, nodes of this machine's
disks. And something may have changed it since. So a file is opened only if the tree has, beneath its root and
without any link on the way, exactly what the layer's index says: a regular file of that size.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import BinaryIO, Protocol

from worker.engine.content.beneath import look_up
from worker.engine.content.stream import pieces
from worker.engine.disk import explain
from worker.engine.errors import ContentUnreadable, InvalidInput, LayerMissing, StoreDamaged, StoreError
from worker.engine.layers import EntryType
from worker.engine.oci import Digest
from worker.engine.store import LayerStore

_TREE = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_DENIED = frozenset({errno.EACCES, errno.EPERM})
_ELSEWHERE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EXDEV, errno.ENAMETOOLONG})
_WHAT = {
    stat.S_IFDIR: "a directory",
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
}


class IndexedFile(Protocol):
    """What an index says of a file: a ``FileEntry`` of a layer, or a ``Node`` of an image's files."""

    @property
    def path(self) -> bytes: ...
    @property
    def type(self) -> EntryType: ...
    @property
    def size(self) -> int: ...
    @property
    def sha256(self) -> bytes | None: ...


def open_file(layers: LayerStore, file: IndexedFile, diff_id: Digest) -> BinaryIO:
    """Open a regular file of the layer ``diff_id`` to be read, from its start. The caller closes it.

    Of its content only the size is known to be right; :func:`pieces` verifies the rest while reading.

    Raises:
        InvalidInput: the index calls it something else than a file.
        LayerMissing: the layer is not extracted.
        StoreDamaged: the tree has not what the index says.
        ContentUnreadable: this process may not read it.
        StoreError: the disk refuses.
    """
    if file.type is not EntryType.FILE:
        raise InvalidInput(
            f"{_shown(file.path)} is no file, but a {file.type.value}: it has no content.",
            hint="Choose a regular file.",
        )
    found = _find(layers, file.path, diff_id)
    try:
        _check(found, file)
        return os.fdopen(_reopen(found, file.path), "rb")
    finally:
        os.close(found)


def read_head(layers: LayerStore, file: IndexedFile, diff_id: Digest, limit: int) -> bytes:
    """Return the first bytes of a file, at most ``limit``; verified against the index if that is all of it.

    Raises:
        StoreDamaged: also if the content is not what the index says.
        StrataError: as :func:`open_file`.
    """
    length = min(file.size, limit)
    with open_file(layers, file, diff_id) as content:
        return b"".join(pieces(content, file, 0, length))


def _find(layers: LayerStore, path: bytes, diff_id: Digest) -> int:
    try:
        tree = os.open(layers.tree(diff_id), _TREE)
    except FileNotFoundError as error:
        raise LayerMissing(f"The layer {diff_id} is not extracted.") from error
    except OSError as error:
        raise _meaning(error, path) from error
    try:
        return look_up(tree, path)
    except ValueError as error:
        raise StoreDamaged(f"The layer's index names {_shown(path)}, which no tree can hold.") from error
    except OSError as error:
        raise _meaning(error, path) from error
    finally:
        os.close(tree)


def _check(found: int, file: IndexedFile) -> None:
    status = os.fstat(found)
    kind = stat.S_IFMT(status.st_mode)
    if kind != stat.S_IFREG:
        what = _WHAT.get(kind, "something else")
        raise StoreDamaged(f"{_shown(file.path)} is {what} in the layer's tree, and should be a file.")
    if status.st_size != file.size:
        raise StoreDamaged(
            f"{_shown(file.path)} has {status.st_size:,} bytes in the layer's tree, "
            f"and should have {file.size:,}."
        )


def _reopen(found: int, path: bytes) -> int:
    """Open what was found and looked at: the same file, whatever its name leads to by now (proc(5))."""
    try:
        return os.open(f"/proc/self/fd/{found}", _READ)
    except OSError as error:
        raise _meaning(error, path) from error


def _meaning(error: OSError, path: bytes) -> StoreError:
    if error.errno in _DENIED:
        return ContentUnreadable(f"This process may not read {_shown(path)} in the layer's tree.")
    if error.errno in _ELSEWHERE:
        return StoreDamaged(f"{_shown(path)} is not in the layer's tree, where its index has it.")
    return explain(error, "read a file of the layer")


def _shown(path: bytes) -> str:
    return repr(os.fsdecode(path))[1:-1].join("“”")

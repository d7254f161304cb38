"""A layer's compressed stream to a tree and its file index, in one pass over the bytes."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from worker.engine.layers.index import IndexWriter
from worker.engine.layers.limits import Limits
from worker.engine.layers.reader import TarReader
from worker.engine.layers.stream import Inflated
from worker.engine.layers.tree import TreeWriter


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What came out.

    Attributes:
        diff_id: SHA-256 of the uncompressed tar, in hex.
        unpacked_size: Its bytes.
        content_size: Bytes of the regular files' content.
        entries: Records in the file index.
        opaque: Directories still to be marked as opaque; None if they are too many to be listed.
        implied: Directories without an entry of their own; None if they are too many to be listed.
        left_out: Names of extended attributes that are not in the tree, though the tar has them.
    """

    diff_id: str
    unpacked_size: int
    content_size: int
    entries: int
    opaque: list[bytes] | None
    implied: list[bytes] | None
    left_out: list[bytes]


def unpack(
    source: io.RawIOBase,
    root: int,
    index_file: BinaryIO,
    limits: Limits,
    watch: Callable[[Inflated], None] | None = None,
) -> Unpacked:
    """Write what ``source`` holds under the open directory ``root``, and its records to ``index_file``.

    Meant for a jail: it makes device nodes and changes owners. The umask must be 0.

    Args:
        watch: Given the stream before the work begins, to follow its progress.

    Raises:
        CorruptLayer: not a valid compressed tar.
        UnsafeLayer: it would leave its tree, or is beyond the limits.
        OSError: the disk is full or refuses.
    """
    stream = Inflated(source, limits)
    if watch is not None:
        watch(stream)
    index = IndexWriter(index_file)
    tree = TreeWriter(root, index)
    with contextlib.closing(tree), contextlib.closing(iter(stream)) as chunks:
        reader = TarReader(chunks, limits)
        for entry in reader:
            tree.add(entry, reader.content())
        limits.check_holes(reader.holes, stream.unpacked)
        found = tree.finish()
    return Unpacked(
        stream.digest,
        stream.unpacked,
        index.content_size,
        index.count,
        found.opaque,
        found.implied,
        found.left_out,
    )

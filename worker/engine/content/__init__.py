"""What the files of a layer hold: one regular file at a time, opened so that nothing else can be."""

from __future__ import annotations

from worker.engine.content.opening import IndexedFile, open_file, read_head
from worker.engine.content.stream import CHUNK_BYTES, pieces

__all__ = ["CHUNK_BYTES", "IndexedFile", "open_file", "pieces", "read_head"]

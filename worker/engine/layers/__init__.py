"""Layers: from a verified tar to a tree in OverlayFS form and its file index.

``extraction`` is imported by its own name: the jailed child imports this package, and should start fast.
"""

from __future__ import annotations

from worker.engine.layers.index import EntryType, FileEntry, FileIndex
from worker.engine.layers.limits import Limits

__all__ = ["EntryType", "FileEntry", "FileIndex", "Limits"]

"""An image's files, answered from the file indexes of its layers: never from walking trees."""

from __future__ import annotations

from worker.engine.files.cache import FilesCache
from worker.engine.files.columns import Columns, Entry
from worker.engine.files.image_files import ImageFiles
from worker.engine.files.names import from_text, to_text
from worker.engine.files.table import ROW_BYTES, LayerTable
from worker.engine.files.values import (
    Change,
    Changes,
    Count,
    Difference,
    Node,
    Total,
    Version,
)
from worker.engine.files.view import View

__all__ = [
    "ROW_BYTES",
    "Change",
    "Changes",
    "Columns",
    "Count",
    "Difference",
    "Entry",
    "FilesCache",
    "ImageFiles",
    "LayerTable",
    "Node",
    "Total",
    "Version",
    "View",
    "from_text",
    "to_text",
]

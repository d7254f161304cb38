"""Search across all layers: a database of paths and contents, which can be made again from the store.

Why it is plain SQLite, and no Django alias, is in ``docs/decisions/0013``.
"""

from __future__ import annotations

from worker.engine.search.index import MOST_PLACES, SearchIndex
from worker.engine.search.query import FileQuery, Found, FoundPage, Kind, Mode, Place
from worker.engine.search.writing import SearchWriter

__all__ = [
    "MOST_PLACES",
    "FileQuery",
    "Found",
    "FoundPage",
    "Kind",
    "Mode",
    "Place",
    "SearchIndex",
    "SearchWriter",
]

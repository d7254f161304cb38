"""Which content is in which layers, over all that can be searched: from the search database, in one pass."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from worker.engine.cancel import CancelToken
from worker.engine.layers import EntryType
from worker.engine.oci import Digest
from worker.engine.search import database
from worker.engine.search.types import NUMBERS

# In the order of the index on contents, so SQLite neither sorts nor keeps more than one group.
_GROUPS = """
    SELECT group_concat(DISTINCT entry.layer), content.size
    FROM entry INDEXED BY entry_by_content JOIN content ON content.id = entry.content
    WHERE entry.content IS NOT NULL AND entry.type = ?
    GROUP BY entry.content
"""
_LOOK_EVERY = 20_000  # groups


@dataclass(frozen=True, slots=True)
class ContentGroup:
    """All contents that exactly the same layers have.

    Attributes:
        layers: Which.
        files: How many contents that are, each once.
        bytes: Of them together, each once.
    """

    layers: frozenset[Digest]
    files: int
    bytes: int


def content_groups(directory: Path, cancel: CancelToken) -> Iterator[ContentGroup]:
    """Yield the contents of files, grouped by the layers that have them; nothing, if there is no database.

    Takes some seconds for ten million entries, and memory by the number of groups.

    Raises:
        Cancelled: ``cancel`` was set.
        StoreError: the database cannot be used (StoreDamaged: it is damaged).
    """
    path = database.current(directory)
    if path is None:
        return
    try:
        with closing(database.connect_to_read(path)) as db:
            digests = {
                number: Digest("sha256", sha256.hex())
                for number, sha256 in db.execute("SELECT id, sha256 FROM layer WHERE complete")
            }
            groups = _groups(db, cancel)
    except sqlite3.Error as error:
        raise database.explain(error) from error
    for numbers, (files, size) in groups.items():
        layers = frozenset(digests[number] for number in map(int, numbers.split(",")) if number in digests)
        if layers:
            yield ContentGroup(layers, files, size)


def _groups(db: sqlite3.Connection, cancel: CancelToken) -> dict[str, tuple[int, int]]:
    """Number of contents and bytes, by the numbers of layers, as SQLite writes them."""
    found: dict[str, tuple[int, int]] = {}
    for at, (numbers, size) in enumerate(db.execute(_GROUPS, (NUMBERS[EntryType.FILE],))):
        if not at % _LOOK_EVERY:
            cancel.check()
        files, total = found.get(numbers, (0, 0))
        found[numbers] = files + 1, total + size
    return found

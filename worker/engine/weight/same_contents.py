"""Which content is in which layers, over all that can be searched: from the search database, in one pass."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
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
_LOOK_EVERY = 20_000  # contents
_MOST = 4 << 20  # bytes, about, that groups take until they are yielded
_OVERHEAD = 200  # of one, beside the numbers of its layers


@dataclass(frozen=True, slots=True)
class ContentGroup:
    """Contents that exactly the same layers have.

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

    Each content is in one group, but several groups may have the same layers: only so many are kept until
    they are yielded. Ten million entries take 6 s of a processor, and some MiB whatever they are.

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
            for numbers, files, size in _groups(db, cancel):
                layers = frozenset(digests[number] for number in numbers if number in digests)
                if layers:
                    yield ContentGroup(layers, files, size)
    except sqlite3.Error as error:
        raise database.explain(error) from error


def _groups(db: sqlite3.Connection, cancel: CancelToken) -> Iterator[tuple[list[int], int, int]]:
    """Numbers of layers, number of contents and bytes."""
    found: dict[str, tuple[int, int]] = {}
    kept = 0
    for at, (numbers, size) in enumerate(db.execute(_GROUPS, (NUMBERS[EntryType.FILE],))):
        if not at % _LOOK_EVERY:
            cancel.check()
        known = found.get(numbers)
        if known is not None:
            found[numbers] = known[0] + 1, known[1] + size
            continue
        found[numbers] = 1, size
        kept += len(numbers) + _OVERHEAD
        if kept > _MOST:
            yield from _read(found)
            found, kept = {}, 0
    yield from _read(found)


def _read(found: Mapping[str, tuple[int, int]]) -> Iterator[tuple[list[int], int, int]]:
    """SQLite writes the numbers of layers with commas between them."""
    for numbers, (files, size) in found.items():
        yield list(map(int, numbers.split(","))), files, size

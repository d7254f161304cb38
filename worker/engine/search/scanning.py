"""Looking through many blocks of paths, on two processors if there are: unpacking and matching let other
threads run meanwhile.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

from worker.engine.search.blocks import unpack
from worker.engine.search.matching import Matcher

_THREADS = 2
_AT_ONCE = 16  # blocks: a millisecond's work
_AHEAD = 4  # such groups
_pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="search")

_Texts = list[tuple[int, bytes]]


def scan(
    db: sqlite3.Connection, blocks: Sequence[int], matcher: Matcher | None
) -> Iterator[tuple[int, bytes]]:
    """Yield the blocks and their texts, in their order; an empty text if nothing in it matches."""
    remaining = iter(blocks)
    under_way: deque[Future[_Texts]] = deque()
    while True:
        while len(under_way) < _AHEAD and (group := _read(db, list(islice(remaining, _AT_ONCE)))):
            under_way.append(_pool.submit(_look_through, group, matcher))
        if not under_way:
            return
        yield from under_way.popleft().result()


def _read(db: sqlite3.Connection, blocks: Sequence[int]) -> _Texts:
    rows = (db.execute("SELECT id, lines FROM block WHERE id = ?", (block,)).fetchone() for block in blocks)
    return [row for row in rows if row is not None]


def _look_through(group: _Texts, matcher: Matcher | None) -> _Texts:
    texts = ((block, unpack(lines)) for block, lines in group)
    return [(block, text if matcher is None or matcher.matches(text) else b"") for block, text in texts]

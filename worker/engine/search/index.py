"""Searching all layers, and asking where a content or a path is."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from pathlib import Path

from worker.engine.errors import NotFound, StoreError
from worker.engine.oci import Digest
from worker.engine.search import database
from worker.engine.search.blocks import Paths
from worker.engine.search.finding import Hit, TimeOver, best, read_cursor, ways, write_cursor
from worker.engine.search.matching import Matcher, matcher_of
from worker.engine.search.query import KIND_OF, FileQuery, Found, FoundPage, Mode, Place
from worker.engine.search.reading import Entry, Layers, Look
from worker.engine.search.visibility import State, cover

MOST_PLACES = 200
"""Of one content on a page of results."""
_LOOKED_AT = 2_000
_IDLE_CONNECTIONS = 2
_OPCODES = 20_000  # of SQLite, between two looks at the clock: some milliseconds


class SearchIndex:
    """The search database of a directory, to be read; of threads, as many as like. It may come, go and be
    replaced meanwhile.

    Args:
        directory: Where it stands, or will stand.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        self._opened: _Opened | None = None

    def layers(self) -> set[Digest]:
        """Return the layers that can be searched; none if there is no database.

        Raises:
            StoreError: the database cannot be used (SearchDamaged: it is damaged).
        """
        try:
            with self._look(frozenset()) as look:
                return set(look.layers.numbers)
        except NotFound:
            return set()

    def search(
        self,
        query: FileQuery,
        within: Collection[Digest],
        after: str = "",
        limit: int = 25,
        seconds: float = 2.0,
        text: bytes | None = None,
    ) -> FoundPage:
        """Find what ``query`` means in the layers ``within``, grouped by content.

        Args:
            after: The cursor of the page before; pages neither overlap nor leave out, though layers come.
            limit: Groups on a page.
            seconds: After so long it ends with what it has, and a cursor that goes on.
            text: For a query in the mode TEXT: the bytes that its text stands for, if others than in UTF-8.

        Raises:
            InvalidInput: the expression or the cursor cannot be read.
            StoreError: the database cannot be used (SearchDamaged: it is damaged).
        """
        matcher = matcher_of(query, query.text.encode() if text is None else text)
        try:
            with self._look(within, seconds) as look:
                return _page(look, query, matcher, after, limit)
        except NotFound:
            return FoundPage((), None)

    def same_content(
        self, sha256: bytes, within: Collection[Digest], limit: int = 1000
    ) -> list[tuple[Digest, bytes, int]]:
        """Return where files with this content stand: layer, path, and size in bytes; ``limit`` at most.

        Raises:
            StoreError: the database cannot be used (SearchDamaged: it is damaged).
        """
        page = self.search(FileQuery(sha256.hex(), Mode.SHA256), within, limit=1)
        places = [(found, place) for found in page.items for place in found.places]
        return [(place.layer, place.path, found.size) for found, place in places[:limit]]

    def covers(
        self, path: bytes, within: Collection[Digest], *, directory: bool = False
    ) -> Mapping[Digest, State]:
        """Return which layers hide what stands at ``path`` in layers below, and how (see ``visibility``).

        Args:
            directory: Whether it is a directory.

        Raises:
            StoreError: the database cannot be used (SearchDamaged: it is damaged).
        """
        return self.covers_of([(path, directory)], within)[0]

    def covers_of(
        self, paths: Collection[tuple[bytes, bool]], within: Collection[Digest]
    ) -> list[Mapping[Digest, State]]:
        """Return the same for many paths, from one snapshot: each with whether it is a directory."""
        try:
            with self._look(within) as look:
                above: dict[bytes, list[Entry]] = {}
                return [_covers(look, path, directory, above) for path, directory in paths]
        except NotFound:
            return [{} for _ in paths]

    @contextlib.contextmanager
    def _look(self, within: Collection[Digest], seconds: float = 30.0) -> Iterator[Look]:
        """Raises NotFound if there is no database."""
        with database.explained(), self._database().look(within, time.monotonic() + seconds) as look:
            yield look

    def _database(self) -> _Opened:
        path = database.current(self._directory)
        if path is None:
            raise NotFound("There is no search database yet.")
        try:
            inode = path.stat().st_ino
        except OSError as error:
            raise StoreError(f"The search database cannot be read ({error.strerror}).") from error
        with self._lock:
            if self._opened is None or self._opened.inode != inode or self._opened.path != path:
                self._opened = _Opened(path, inode)
            return self._opened


class _Opened:
    """One database file, with the connections to it that are idle, and what is remembered of it."""

    def __init__(self, path: Path, inode: int) -> None:
        self.path = path
        self.inode = inode
        self._paths = Paths()
        self._layers: tuple[tuple[int, int], Layers] | None = None
        self._idle: list[sqlite3.Connection] = []

    @contextlib.contextmanager
    def look(self, within: Collection[Digest], deadline: float) -> Iterator[Look]:
        db = self._idle.pop() if self._idle else database.connect_to_read(self.path)
        try:
            db.set_progress_handler(lambda: time.monotonic() > deadline + 1, _OPCODES)
            db.execute("BEGIN")
            layers = self._read_layers(db)
            yield Look(db, self._paths, layers, layers.among(within), deadline)
            db.execute("COMMIT")
        except BaseException:
            db.close()
            raise
        if len(self._idle) < _IDLE_CONNECTIONS:
            self._idle.append(db)
        else:
            db.close()

    def _read_layers(self, db: sqlite3.Connection) -> Layers:
        """All layers, unless none came or went since they were read."""
        state = db.execute("SELECT count(*), coalesce(max(id), 0) FROM layer WHERE complete").fetchone()
        if self._layers is None or self._layers[0] != state:
            rows = db.execute("SELECT id, sha256, blocks FROM layer WHERE complete").fetchall()
            self._layers = state, Layers(rows)
        return self._layers[1]


def _page(look: Look, query: FileQuery, matcher: Matcher | None, after: str, limit: int) -> FoundPage:
    ways_ = ways(look, query, matcher)
    way, since = read_cursor(after, ways_) if after else (best(look, query, ways_), None)
    hits: list[Hit] = []
    try:
        hits.extend(islice(way.hits(since), limit + 1))
    except TimeOver as over:
        items = tuple(_found(look, query, matcher, hit) for hit in hits)
        return FoundPage(items, write_cursor(way, over.at), in_time=False, searched=over.searched)
    following = write_cursor(way, hits[limit].at) if len(hits) > limit else None
    return FoundPage(tuple(_found(look, query, matcher, hit) for hit in hits[:limit]), following)


def _found(look: Look, query: FileQuery, matcher: Matcher | None, hit: Hit) -> Found:
    """All of a hit's places that match, as far as a page shows them."""
    kind, content = KIND_OF[hit.entry.type], hit.content
    if content is None:
        entries = iter([one for one in look.at(hit.entry.path) if one.content is None])
    else:
        entries = look.holding(content.id, hit.entry.path)
    places: list[Place] = []
    more = False
    for looked, entry in enumerate(entries):
        if looked == _LOOKED_AT or len(places) == MOST_PLACES:
            more = True
            break
        line = look.paths.line(look.db, entry.path)
        if entry.type in query.types and (matcher is None or matcher.matches(line)):
            path = look.paths.path(look.db, entry.path)
            places.append(Place(look.layers.digests[entry.layer], path, entry.type))
    return Found(
        kind=kind,
        sha256=content.sha256 if content and content.target is None else None,
        size=content.size if content else 0,
        target=content.target if content else None,
        places=tuple(places),
        more=more,
    )


def _covers(look: Look, path: bytes, directory: bool, above: dict[bytes, list[Entry]]) -> dict[Digest, State]:
    found: dict[Digest, State] = {}
    here = path
    while here:
        here = here.rpartition(b"/")[0]
        if here not in above:
            above[here] = _entries_at(look, here)
        for entry in above[here]:
            if (state := cover(entry.type, at_path=False)) is not None:
                found[look.layers.digests[entry.layer]] = state
    for entry in _entries_at(look, path):
        # What the layer has at the path itself is what one sees there.
        if (state := cover(entry.type, at_path=True, directory=directory)) is not None:
            found[look.layers.digests[entry.layer]] = state
    return found


def _entries_at(look: Look, path: bytes) -> list[Entry]:
    number = look.paths.number(look.db, path)
    return look.at(number) if number is not None else []

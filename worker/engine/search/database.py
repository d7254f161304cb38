"""The search database: one SQLite file, which can be made again from the layers' file indexes.

Its name tells its form and its turn: ``files-<form>-<turn>.sqlite3``. Of those with this program's form, the
one with the highest turn counts; a rebuild makes the next one beside it, so that readers go on until it is
there.

Paths stand in *blocks* of up to 1,024, each compressed: a text of lines that is looked through at the speed
of memory. The number of a path is that of its block and its line (``block * 1024 + line``).
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from worker.engine.disk import disk_errors
from worker.engine.durable import fsync_directory
from worker.engine.errors import DiskFull, SearchDamaged, StoreError

FORM = 1
"""Which schema this program reads and writes."""

SCHEMA = """
CREATE TABLE layer (
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given twice: readers may remember one
    sha256 BLOB NOT NULL UNIQUE,           -- of its diff ID
    complete INTEGER NOT NULL DEFAULT 0,
    blocks BLOB NOT NULL DEFAULT x''       -- which blocks its paths are in: a set of bits
);
-- What a layer has put in so far, to take it out again: the numbers of its paths, as differences.
CREATE TABLE part (
    layer INTEGER NOT NULL, number INTEGER NOT NULL, paths BLOB NOT NULL, PRIMARY KEY (layer, number)
) WITHOUT ROWID;
CREATE TABLE block (id INTEGER PRIMARY KEY, lines BLOB NOT NULL);
CREATE TABLE path_hash (hash INTEGER NOT NULL, path INTEGER NOT NULL, PRIMARY KEY (hash, path)) WITHOUT ROWID;
-- The content of files, and the targets of symbolic links; sha256 is key (its first 8 bytes) and rest.
CREATE TABLE content (
    id INTEGER PRIMARY KEY, key INTEGER NOT NULL, rest BLOB NOT NULL, size INTEGER NOT NULL, target BLOB
);
CREATE INDEX content_by_key ON content (key);
CREATE INDEX content_by_size ON content (size) WHERE target IS NULL;
CREATE TABLE entry (
    path INTEGER NOT NULL, layer INTEGER NOT NULL, type INTEGER NOT NULL, content INTEGER,
    PRIMARY KEY (path, layer, type)
) WITHOUT ROWID;
CREATE INDEX entry_by_content ON entry (content) WHERE content IS NOT NULL;
CREATE INDEX entry_rare ON entry (type) WHERE type >= 4;
"""
_NAME = re.compile(r"files-(\d+)-(\d+)\.sqlite3")
_READ_CACHE, _WRITE_CACHE = 16, 64  # MiB
_LOG = 128  # MiB: more than a layer of 33,000 new files needs, so that its commits do not write it back
_PAGE = 4096


def current(directory: Path) -> Path | None:
    """Return the database that counts; None if there is none yet."""
    return max(_present(directory), default=(0, None))[1]


def following(directory: Path) -> Path:
    """Return the name of the one that would replace :func:`current`."""
    turn = max(_present(directory), default=(0, None))[0] + 1
    return directory / f"files-{FORM}-{turn}.sqlite3"


def outdated(directory: Path) -> list[Path]:
    """Return the databases, and what stands beside them, that count no longer."""
    keep = current(directory)
    return [path for path in directory.glob("files-*") if keep is None or not path.name.startswith(keep.name)]


def create(path: Path) -> None:
    """Make an empty database, under a name that nobody looks for yet. Raises StoreError."""
    with disk_errors("make the search database"), explained():
        path.touch()
        path.chmod(0o660)  # its log gets the same mode: the web service, in root's group, has to lock there
        db = connect_to_write(path)
        try:
            db.executescript(SCHEMA)
        finally:
            db.close()


def put_in_place(path: Path, name: Path) -> None:
    """Give a database that nobody has open the name by which it is found. Raises StoreError."""
    with disk_errors("put the search database in place"):
        path.rename(name)
        fsync_directory(name.parent)


def remove(path: Path) -> None:
    """Remove a database and what SQLite put beside it; whoever has it open goes on. Raises StoreError."""
    with disk_errors("remove a search database"):
        for name in (path, *(path.with_name(f"{path.name}-{part}") for part in ("wal", "shm", "journal"))):
            name.unlink(missing_ok=True)


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Open it for reading: of its pages, no more than 16 MiB are kept. Raises sqlite3.Error."""
    db = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
    )
    db.execute(f"PRAGMA cache_size = -{_READ_CACHE * 1024}")
    db.execute("PRAGMA busy_timeout = 2000")
    return db


def connect_to_write(path: Path) -> sqlite3.Connection:
    """Open it for writing; readers are not held up (write-ahead log). Raises sqlite3.Error.

    A commit writes the log back only if it is long: see ``SearchWriter.write_back``.
    """
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    db.execute(f"PRAGMA cache_size = -{_WRITE_CACHE * 1024}")
    db.execute(f"PRAGMA wal_autocheckpoint = {(_LOG << 20) // _PAGE}")
    db.execute(f"PRAGMA journal_size_limit = {_LOG << 20}")
    db.execute("PRAGMA busy_timeout = 10000")
    return db


def explain(error: sqlite3.Error) -> StoreError:
    """Translate what SQLite says; the only place that does."""
    if isinstance(error, sqlite3.OperationalError) and "no such" not in str(error):
        if "full" in str(error):
            return DiskFull("Could not write the search database: the disk is full.")
        if "interrupted" in str(error):
            return StoreError("The search took too long.", hint="Look for less.")
        return StoreError(f"The search database cannot be used ({error}).")
    return SearchDamaged(f"The search database is damaged ({error}).")


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Raise the :class:`StoreError` that a :class:`sqlite3.Error` within the block means."""
    try:
        yield
    except sqlite3.Error as error:
        raise explain(error) from error


def _present(directory: Path) -> list[tuple[int, Path]]:
    try:
        names = [path for path in directory.iterdir() if path.name.endswith(".sqlite3")]
    except OSError:
        return []
    found = []
    for path in names:
        match = _NAME.fullmatch(path.name)
        if match and int(match[1]) == FORM:
            found.append((int(match[2]), path))
    return found

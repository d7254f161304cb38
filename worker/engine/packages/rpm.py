"""RPM packages: rpm's database, where it is an SQLite file (rpm 4.16 and newer, by default).

SQLite is read with Python's own library, with nothing of the file trusted: not its schema, not its cells, and
not its patience. The older forms (Berkeley DB, and rpm's own ndb) are recognised and not read: decision 18
says why.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from typing import BinaryIO

from worker.engine.packages.rpm_header import read_header
from worker.engine.packages.values import Package, Unreadable, short, text_of

_HOMES = (b"var/lib/rpm/", b"usr/lib/sysimage/rpm/", b"usr/share/rpm/")
SQLITE = tuple(home + b"rpmdb.sqlite" for home in _HOMES)
LOGS = {path: path + b"-wal" for path in SQLITE}
"""By database, the log of what was written last, which a database that was closed well has no more."""
OTHERS = {
    **{home + b"Packages": "Berkeley DB" for home in _HOMES},
    **{home + b"Packages.db": "ndb" for home in _HOMES},
}
"""Databases that are not read, and what form they have."""

MAX_BYTES = 1 << 30
_MAX_HEADER = 1 << 24
_MAX_ROWS = 200_000
_MAX_STEPS = 200_000_000  # of SQLite's virtual machine; a database of 3,000 packages takes 100,000
_EVERY = 100_000
_MAX_SAID = 200


def read_sqlite(file: BinaryIO) -> Iterator[Package | Unreadable]:
    """Yield the installed packages of an open rpmdb.sqlite, and what says that a row cannot be understood.

    Raises:
        Unreadable: the rest of the file is not read.
    """
    # By its descriptor: what was opened and looked at is what is read, and no log beside it ("immutable").
    address = f"file:/proc/self/fd/{file.fileno()}?mode=ro&immutable=1"
    try:
        with contextlib.closing(sqlite3.connect(address, uri=True)) as database:
            _distrust(database)
            if not _has_table(database):
                raise Unreadable("The rpm database has no table of packages.")
            total = 0
            for count, (blob,) in enumerate(database.execute("SELECT blob FROM Packages")):
                # Damaged on purpose, many rows can share the same bytes.
                total += len(blob) if isinstance(blob, bytes) else 0
                if count == _MAX_ROWS or total > MAX_BYTES:
                    raise Unreadable("The rpm database is larger than any; not all of it is read.")
                yield from _package(blob)
    except (sqlite3.Error, OverflowError, UnicodeDecodeError) as error:
        # SQLite quotes the file: bytes that are no text (UnicodeDecodeError), and as many as like.
        said = short(text_of(str(error).encode("utf-8", "replace")), _MAX_SAID)
        raise Unreadable(f"The rpm database is damaged ({said}).") from error


def _has_table(database: sqlite3.Connection) -> bool:
    """Whether its rows are what was stored: views, virtual tables and columns could compute anything."""
    kinds = database.execute("SELECT type, sql FROM sqlite_schema WHERE name = 'Packages'").fetchall()
    columns = database.execute("SELECT name, hidden FROM pragma_table_xinfo('Packages')").fetchall()
    is_table = [kind for kind, _ in kinds] == ["table"] and "virtual" not in str(kinds[0][1]).lower()
    return is_table and ("blob", 0) in columns


def _distrust(database: sqlite3.Connection) -> None:
    database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_HEADER)
    database.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += _EVERY
        return int(steps > _MAX_STEPS)

    database.set_progress_handler(count, _EVERY)
    for setting in ("trusted_schema = OFF", "cell_size_check = ON", "mmap_size = 0", "query_only = ON"):
        database.execute(f"PRAGMA {setting}")


def _package(blob: object) -> Iterator[Package | Unreadable]:
    if not isinstance(blob, bytes):
        yield Unreadable("a row holds no header")
        return
    try:
        package = read_header(blob)
    except Unreadable as problem:
        yield problem
    else:
        if package is not None:
            yield package

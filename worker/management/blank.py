"""The blank database: what a new SQLite database is copied from, made once by the set-up.

To run all migrations on an empty database takes Django half a second, and more with each migration; the copy
takes a few milliseconds. It belongs to exactly these migrations and packages: others have another one.
Imports no Django, so that the set-up can ask for the name.
"""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_HOME = _ROOT / "build"


def blank_path() -> Path:
    """Where it stands, or would stand.

    Raises:
        OSError: the files that it depends on cannot be read.
    """
    state = hashlib.sha256((_ROOT / "requirements.txt").read_bytes())
    for path in sorted((_ROOT / "worker" / "migrations").glob("*.py")):
        state.update(path.name.encode() + path.read_bytes())
    return _HOME / f"blank-{state.hexdigest()[:16]}.sqlite3"


def keep_blank(database: sqlite3.Connection) -> Path:
    """Make the blank database from one whose migrations have just run; forget older ones.

    Raises:
        OSError, sqlite3.Error: it cannot be written.
    """
    path = blank_path()
    path.parent.mkdir(exist_ok=True)
    half = path.with_suffix(".half")
    half.unlink(missing_ok=True)
    with closing(sqlite3.connect(half)) as made:
        database.backup(made)
    for old in path.parent.glob("blank-*.sqlite3"):
        old.unlink(missing_ok=True)
    return half.rename(path)


def fill_from_blank(database: sqlite3.Connection) -> bool:
    """Copy the blank database into an empty one; False if there is none."""
    try:
        path = blank_path()
        if not path.is_file():
            return False
        with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as blank:
            blank.backup(database)
    except (OSError, sqlite3.Error):
        return False  # the migrations will do
    return True

"""The blank database that new SQLite databases are copied from."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from worker.management import blank

_PREPARE = """
import json, sqlite3, sys
from pathlib import Path
import django
django.setup()
from django.db import connection
from worker.management import blank
from worker.management.preparing import prepare_database
blank._HOME = Path(sys.argv[1])
print(json.dumps([blank.blank_path().is_file(), prepare_database(), prepare_database()]))
connection.ensure_connection()
blank.keep_blank(connection.connection)
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the blank database stands in this test."""
    monkeypatch.setattr(blank, "_HOME", tmp_path / "build")
    return tmp_path / "build"


def test_a_copy_of_the_blank_database_is_what_the_migrations_make(tmp_path: Path) -> None:
    """With a blank database or without one a new install has the same tables, and no migration is missing."""
    outcomes = [_prepare(tmp_path, name) for name in ("migrated", "copied")]
    assert outcomes == [[False, True, False], [True, True, False]]
    migrated, copied = (_content(tmp_path / name / "db.sqlite3") for name in ("migrated", "copied"))
    assert migrated == copied
    assert len(migrated) > 20
    assert (tmp_path / "copied" / "db.sqlite3").stat().st_mode & 0o077 == 0


def _prepare(place: Path, name: str) -> list[bool]:
    ran = subprocess.run(
        [sys.executable, "-c", _PREPARE, place / "build"],
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "dashboard.settings",
            "STRATA_DATA": str(place / name),
            "STRATA_DATABASE_URL": f"sqlite:///{place / name / 'db.sqlite3'}",
        },
        check=True,
        stdout=subprocess.PIPE,
    )
    return [bool(fact) for fact in json.loads(ran.stdout)]


def _content(path: Path) -> list[object]:
    with closing(sqlite3.connect(path)) as database:
        tables = database.execute("SELECT type, name, sql FROM sqlite_master ORDER BY type, name").fetchall()
        applied = database.execute("SELECT app, name FROM django_migrations ORDER BY app, name").fetchall()
    return [*tables, *applied]


def test_other_migrations_have_a_blank_database_of_another_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(blank._ROOT / "worker" / "migrations", tmp_path / "worker" / "migrations")
    shutil.copy(blank._ROOT / "requirements.txt", tmp_path)
    before = blank.blank_path()
    monkeypatch.setattr(blank, "_ROOT", tmp_path)
    assert blank.blank_path() == before
    with (tmp_path / "worker" / "migrations" / "0001_initial.py").open("a") as file:
        file.write("# changed\n")
    assert blank.blank_path() != before


@pytest.mark.parametrize("content", [None, b"rubbish" * 1000])
def test_without_a_usable_blank_database_nothing_is_copied(home: Path, content: bytes | None) -> None:
    home.mkdir()
    if content is not None:
        blank.blank_path().write_bytes(content)
    with closing(sqlite3.connect(":memory:")) as database:
        assert not blank.fill_from_blank(database)
        assert database.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)


def test_only_the_newest_is_kept(home: Path) -> None:
    home.mkdir()
    (home / "blank-0000.sqlite3").touch()
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute("CREATE TABLE one (id)")
        kept = blank.keep_blank(database)
    assert list(home.iterdir()) == [kept]
    with closing(sqlite3.connect(":memory:")) as database:
        assert blank.fill_from_blank(database)
        assert database.execute("SELECT name FROM sqlite_master").fetchall() == [("one",)]

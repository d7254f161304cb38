"""Make the database ready: once, however many processes want it at the same time."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from worker.management.blank import fill_from_blank
from worker.models import Project

# Any number will do, as long as nothing else on this database server uses it.
_ADVISORY_LOCK = 0x57247A


def prepare_database() -> bool:
    """Apply the migrations that are missing; whether there were any.

    Raises:
        OSError: the data directory cannot be written.
        DatabaseError: the database cannot be reached or written.
    """
    with _one_at_a_time():
        if _filled_from_blank():
            return True
        if not _migrations_missing():
            return False
        _close_to_others()
        call_command("migrate", interactive=False, verbosity=0)
    return True


def _filled_from_blank() -> bool:
    """Whether the database was empty, and no longer is."""
    if connection.vendor != "sqlite":
        return False
    connection.ensure_connection()
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM sqlite_master)")
        if cursor.fetchone()[0]:
            return False
    _close_to_others()
    filled = fill_from_blank(connection.connection)
    connection.close()  # what it knows of the database is no longer so
    return filled


def is_prepared() -> bool:
    """Whether the database has tables at all; far quicker than to ask for missing migrations."""
    try:
        Project.objects.exists()
    except DatabaseError:
        return False
    return True


def _close_to_others() -> None:
    """Let only this user read a SQLite database: whoever reads a session can act as its user."""
    if connection.vendor == "sqlite":
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                Path(f"{connection.settings_dict['NAME']}{suffix}").chmod(0o600)


def _migrations_missing() -> bool:
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


@contextlib.contextmanager
def _one_at_a_time() -> Iterator[None]:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [_ADVISORY_LOCK])
            try:
                yield
            finally:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_ADVISORY_LOCK])
        return
    settings.DATA_DIR.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (settings.DATA_DIR / "prepare.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield

"""``manage.py prepare``: everything that has to be there before the programs start."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, connection

from dashboard import env
from worker.engine.errors import StrataError
from worker.management.blank import keep_blank
from worker.management.preparing import prepare_database
from worker.models import Project
from worker.services.setup import appoint_first_admin, setup_needed


class Command(BaseCommand):
    help = (
        "Prepare the database; make the administrator that STRATA_ADMIN_USERNAME and STRATA_ADMIN_PASSWORD "
        "name, if there is none yet. Safe to repeat, and quick when there is nothing to do."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--blank",
            action="store_true",
            help="only make what new databases are copied from, with a SQLite database to throw away",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["blank"]:
                prepare_database()
                keep_blank(connection.connection)
                return
            if prepare_database():
                self.stdout.write("The database is ready.")
            Project.objects.first_or_new()
            self._appoint()
        except StrataError as error:
            self._fail(f"{error.message} {error.hint}")
        except (DatabaseError, OSError) as error:
            self._fail(f"The database cannot be prepared: {' '.join(str(error).split())}")

    def _appoint(self) -> None:
        username, password = env.text("ADMIN_USERNAME"), env.text("ADMIN_PASSWORD")
        if username and password and setup_needed():
            appoint_first_admin(username, password)
            self.stdout.write(f"Made the administrator {username}.")

    def _fail(self, message: str) -> None:
        self.stderr.write(f"error: {message}")
        sys.exit(1)

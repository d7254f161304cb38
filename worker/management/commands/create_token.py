"""``manage.py create_token USERNAME``: print a new API token."""

from __future__ import annotations

import sys
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandParser

from worker.engine.errors import StrataError
from worker.management.preparing import is_prepared
from worker.services.tokens import issue_token


class Command(BaseCommand):
    help = "Make an API token that acts as USERNAME, and print it; it is not shown again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--name", default="command line", help="what to call it in the list of tokens")

    def handle(self, *args: Any, username: str, name: str, **options: Any) -> None:
        if not is_prepared():
            self.stderr.write(
                f"error: There is no catalog in {settings.DATA_DIR}, or it cannot be read."
                " Start Strata first, or let STRATA_DATA say where its data is."
            )
            sys.exit(1)
        user = User.objects.filter(username=username, is_active=True).first()
        if user is None:
            self.stderr.write(f"error: There is no active user {username}.")
            sys.exit(1)
        try:
            _, token = issue_token(user, name)
        except StrataError as error:
            self.stderr.write(f"error: {error.message} {error.hint} [{error.code}]")
            sys.exit(1)
        self.stdout.write(token)

"""What a user name and a password must be."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from worker.engine.errors import InvalidInput


def check_username(username: str) -> None:
    """Raises InvalidInput for a name that cannot be used."""
    try:
        User._meta.get_field("username").clean(username, None)
    except ValidationError as error:
        raise InvalidInput(
            f"{username!r} cannot be a user name.", hint="Use letters, digits and any of @ . + - _"
        ) from error


def check_password(password: str, username: str) -> None:
    """Raises InvalidInput for a password that is too weak."""
    try:
        validate_password(password, User(username=username))
    except ValidationError as error:
        raise InvalidInput(
            " ".join(error.messages), hint="Choose a longer or less common password."
        ) from error

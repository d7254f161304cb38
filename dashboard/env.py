"""The environment, parsed in one place. ``STRATA_X_FILE`` may name a file that holds ``STRATA_X``."""

from __future__ import annotations

import os
from pathlib import Path


class EnvironmentProblem(Exception):
    """A setting that cannot be meant; the message names it and says what is expected."""


def text(name: str, default: str = "") -> str:
    """Return the setting ``name`` (without the prefix ``STRATA_``); a ``_FILE`` is read and stripped."""
    full = f"STRATA_{name}"
    if path := os.environ.get(f"{full}_FILE"):
        try:
            return Path(path).read_text().strip()
        except OSError as error:
            raise EnvironmentProblem(f"{full}_FILE: cannot read {path}: {error.strerror}") from error
    return os.environ.get(full, default)


def flag(name: str, default: bool = False) -> bool:
    value = text(name).strip().lower()
    if value == "":
        return default
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    raise EnvironmentProblem(f"STRATA_{name}: {value!r} is neither yes nor no")


def number(name: str, default: int, *, minimum: int = 0) -> int:
    value = text(name).strip()
    if value == "":
        return default
    try:
        parsed = int(value)
    except ValueError:
        raise EnvironmentProblem(f"STRATA_{name}: {value!r} is not a whole number") from None
    if parsed < minimum:
        raise EnvironmentProblem(f"STRATA_{name}: {parsed} is below {minimum}")
    return parsed


def words(name: str, default: str = "") -> list[str]:
    """Return a comma-separated setting as a list, blanks dropped."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]

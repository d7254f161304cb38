"""Files that only this user may read."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def write(path: Path, text: str) -> None:
    """Replace ``path`` in one step, readable by this user only from its first byte."""
    draft = path.with_name(f"{path.name}.new")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:  # noqa: PTH123
        file.write(text)
    draft.replace(path)


def password(path: Path, size: int) -> str:
    """Return the password kept in ``path``; the first time, make one of ``size`` random bytes."""
    if not path.is_file():
        write(path, f"{secrets.token_urlsafe(size)}\n")
    return path.read_text().strip()

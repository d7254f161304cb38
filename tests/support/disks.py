"""File systems of a test's own: small enough to fill."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def small_disk(place: Path, option: str) -> Iterator[Path]:
    """Mount an empty file system in memory at ``place``, which is made; ``option`` bounds it: ``size=4m``."""
    place.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", option, "tmpfs", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)  # a dying process may be in it still

"""``python3 -m scripts.secrets``: make the secrets that compose.yaml reads. What exists is kept."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path

from scripts import ROOT


def make(directory: Path) -> list[str]:
    """Fill ``directory`` with one file per secret; return the names of those that are new.

    The directory is closed to other users; the files are readable, since processes of other users read
    them inside of their containers.
    """
    directory.mkdir(mode=0o700, exist_ok=True)
    directory.chmod(0o700)
    before = {path.name for path in directory.iterdir()}
    redis = _keep(directory / "redis_password", secrets.token_urlsafe(32))
    postgres = _keep(directory / "postgres_password", secrets.token_urlsafe(32))
    _keep(directory / "secret_key", secrets.token_urlsafe(50))
    _keep(directory / "admin_password", secrets.token_urlsafe(12))
    _keep(directory / "redis_url", f"redis://:{redis}@redis:6379/0")
    _keep(directory / "database_url", f"postgres://strata:{postgres}@postgres:5432/strata")
    return sorted({path.name for path in directory.iterdir()} - before)


def _keep(path: Path, value: str) -> str:
    """Write ``value`` unless the file is there; return what it holds."""
    if not path.exists():
        path.write_text(f"{value}\n")
        path.chmod(0o444)
    return path.read_text().strip()


def main() -> int:
    """Make ./secrets and say where the administrator's password is."""
    made = make(ROOT / "secrets")
    print(f"secrets/: {len(made)} new. The administrator's password is in secrets/admin_password.")
    return 0


if __name__ == "__main__":
    sys.exit(main())

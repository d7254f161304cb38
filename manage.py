#!/usr/bin/env python3
"""Every command of the program.

Any Python may start it: what ``make setup`` installed in ``.venv`` is used when this one lacks it.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    if importlib.util.find_spec("django") is None:
        _start_again_in(Path(__file__).resolve().parent / ".venv" / "bin" / "python")
    # Imported only now that the settings are named and Django is sure to be there.
    from django.conf import settings  # noqa: PLC0415
    from django.core.management import execute_from_command_line  # noqa: PLC0415

    from dashboard.env import EnvironmentProblem  # noqa: PLC0415

    try:
        _ = settings.DATA_DIR
    except EnvironmentProblem as problem:
        sys.exit(f"error: {problem}")
    execute_from_command_line(sys.argv)


def _start_again_in(python: Path) -> None:
    """Replace this process by the same command in the project's own environment."""
    if not python.exists() or Path(sys.prefix) == python.parent.parent:
        sys.exit("error: Strata is not set up yet. Run `make setup` first.")
    os.execv(python, [str(python), *sys.argv])  # noqa: S606


if __name__ == "__main__":
    main()

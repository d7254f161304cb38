#!/usr/bin/env python3
"""Every command of the program."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    # Imported only now that the settings are named.
    from django.conf import settings  # noqa: PLC0415
    from django.core.management import execute_from_command_line  # noqa: PLC0415

    from dashboard.env import EnvironmentProblem  # noqa: PLC0415

    try:
        _ = settings.DATA_DIR
    except EnvironmentProblem as problem:
        sys.exit(f"error: {problem}")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()

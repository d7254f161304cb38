"""``python -m scripts.setup run|test``: get this checkout ready to run, or to be tested as well."""

from __future__ import annotations

import sys

from scripts.setup import Problem, blank, environment, packages, static, tools


def main(arguments: list[str]) -> int:
    """Set up; return the exit code."""
    if arguments not in (["run"], ["test"]):
        print("usage: python -m scripts.setup run|test", file=sys.stderr)
        return 2
    testing = arguments == ["test"]
    try:
        environment.ensure("requirements.txt", *(["requirements-dev.txt"] if testing else []))
        packages.ensure((*tools.RUN, *(tools.TEST if testing else ())))
        static.ensure()
        blank.ensure()
    except Problem as problem:
        print(f"strata: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

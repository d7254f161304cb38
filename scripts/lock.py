"""``make lock``: resolve pyproject.toml into the locks, for every platform, with hashes, no addresses."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from scripts import ROOT

_OPTIONS = (
    "--universal",
    "--generate-hashes",
    "--no-emit-index-url",
    "--no-header",
    "--no-annotate",
    "--quiet",
)


def main() -> int:
    """Write all locks; return the exit code."""
    with tempfile.TemporaryDirectory(prefix="strata-lock-") as directory:
        venv.create(directory, with_pip=True)
        python = Path(directory) / "bin" / "python"
        subprocess.run([python, "-m", "pip", "install", "--quiet", "uv"], check=True)
        for lock, sources in (
            ("requirements.txt", ("pyproject.toml",)),
            ("requirements-dev.txt", ("pyproject.toml", "--group", "dev")),
            ("requirements-fuzz.txt", ("--group", "fuzz", "--python-version", "3.11")),
        ):
            command = [python, "-m", "uv", "pip", "compile", *sources, *_OPTIONS]
            subprocess.run([*command, "--output-file", lock], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
            print(f"wrote {lock}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

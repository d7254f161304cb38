"""The floor: CPU seconds of what no pull can do without, by the fastest tools there are."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measuring import Command, Failed, measure, touch

NEEDS = {"igzip": "isal", "openssl": "openssl", "bsdtar": "libarchive-tools"}
"""Programs, and Debian's packages that have them."""


def missing() -> list[str]:
    """Debian's packages that are not installed."""
    return [package for program, package in NEEDS.items() if shutil.which(program) is None]


def floor(blobs: Sequence[Path], place: Path, room: int) -> dict[str, float]:
    """CPU seconds by part, for the gzip layers of an image.

    Args:
        place: Where to write.
        room: Bytes of memory to touch before each part.

    Raises:
        Failed: a layer is no gzip file, or a tool fails.
    """
    parts = dict.fromkeys(("inflate", "sha256 of the blobs", "sha256 of the tars", "writing the trees"), 0.0)
    for blob in blobs:
        tar, tree = place / "floor.tar", place / "floor"
        try:
            tree.mkdir()
            with tar.open("wb") as file:
                if subprocess.run(["igzip", "-d", "-c", blob], stdout=file, check=False).returncode:
                    raise Failed(f"{blob.name} is no gzip file: the floor is defined for those alone.")
            touch(place, room)
            parts["inflate"] += _cpu(["igzip", "-d", "-c", blob])
            parts["sha256 of the blobs"] += _cpu(["openssl", "dgst", "-sha256", blob])
            parts["sha256 of the tars"] += _cpu(["openssl", "dgst", "-sha256", tar])
            parts["writing the trees"] += _cpu(
                ["bsdtar", "-x", "-p", "--numeric-owner", "-f", tar, "-C", tree]
            )
        finally:
            tar.unlink(missing_ok=True)
            shutil.rmtree(tree, ignore_errors=True)
    return parts


def _cpu(command: Command) -> float:
    return measure([command], {}).cpu

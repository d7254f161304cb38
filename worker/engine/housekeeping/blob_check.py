"""Hashing every blob."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from worker.engine.durable import leads_to
from worker.engine.housekeeping.report import Report
from worker.engine.oci import Digest

_CHUNK = 1 << 20
_HEX = re.compile(r"[a-f0-9]{64}")


def check_blobs(report: Report) -> int:
    """Report each blob that is not what its name says, and everything that is no blob; return their number.

    Raises:
        StoreError, Cancelled
        OSError: the directory cannot be read.
    """
    root = report.store.root / "blobs"
    strays = [path for path in inside(root) if path.name != "sha256"]
    found = inside(root / "sha256")
    blobs = [path for path in found if _HEX.fullmatch(path.name)]
    for path in strays + [path for path in found if path not in set(blobs)]:
        stray(report, path)
    for done, path in enumerate(blobs):
        digest = Digest("sha256", path.name)
        report.step("reading blobs", done, len(blobs), str(digest))
        if not report.known("blob", str(digest)):
            _check(report, path, digest)
    report.step("reading blobs", len(blobs), len(blobs), "")
    return len(blobs)


def stray(report: Report, path: Path) -> None:
    """Report what has no business where it is: nothing half-made may stand among what is complete."""
    name = str(path.relative_to(report.store.root))
    report.found("stray", name, "unknown", f"{name} is nothing that Strata put there; remove it by hand.")


def inside(directory: Path) -> list[Path]:
    """What is in a directory, sorted; nothing if there is none."""
    return sorted(directory.iterdir()) if directory.is_dir() else []


def _check(report: Report, path: Path, digest: Digest) -> None:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    except OSError as error:
        report.found_blob(digest, "unreadable", f"The blob {digest} cannot be read: {error.strerror}.")
        return
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            report.found_blob(digest, "damaged", f"The blob {digest} is no file.")
            return
        hashed = hashlib.sha256()
        try:
            for data in _chunks(fd):
                hashed.update(data)
                report.read(len(data))
        except OSError as error:
            report.found_blob(digest, "unreadable", f"The blob {digest} cannot be read: {error.strerror}.")
            return
        if hashed.hexdigest() != digest.hex and leads_to(path, fd):  # else somebody replaced it meanwhile
            report.found_blob(digest, "damaged", f"The blob {digest} holds other bytes than it should.")
    finally:
        os.close(fd)


def _chunks(fd: int) -> Iterator[bytes]:
    while data := os.read(fd, _CHUNK):
        yield data

"""What is fuzzed: extraction, from compressed stream to tree and index; and what must always hold.

An archive is extracted whole, or refused as corrupt or unsafe. Nothing beside its tree is touched, no file
stays open, and the index tells what stands in the tree.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from fuzz.archive import archive, with_right_checksums
from tests.engine.layers.agreement import disagreements, snapshot
from tests.engine.layers.archives import unpack_here
from worker.engine.disk import remove_tree
from worker.engine.errors import CorruptLayer, UnsafeLayer
from worker.engine.layers import Limits

RAW, MENDED, DESCRIBED = b"\0", b"\1", b"\2"
"""An input's first byte: the rest is a stream, a tar whose checksums are to be mended, or describes a tar."""

_LIMITS = Limits(unpacked_bytes=1 << 22, entries=500)


class Broken(Exception):
    """What must always hold does not; never caught."""


class Target:
    """A directory in which archives are extracted, with things around that must stay as they are."""

    def __init__(self) -> None:
        memory = "/dev/shm"  # noqa: S108 (far faster than a disk, if it is there)
        self._around = Path(
            tempfile.mkdtemp(prefix="strata-fuzz-", dir=memory if os.access(memory, os.W_OK) else None)
        )
        self._place = self._around / "place"
        for path in (self._around / "outside", self._around / "a" / "b", self._place / "a" / "c"):
            path.parent.mkdir(exist_ok=True, parents=True)
            path.write_text("untouched")
        (self._around / "c").symlink_to("outside")

    def close(self) -> None:
        """Remove it all."""
        remove_tree(self._around)

    def __call__(self, data: bytes) -> bool:
        """Extract one input; tell whether it was a good one.

        Raises:
            Broken: something did not hold.
            Exception: whatever extraction raised that it should not.
        """
        rest = data[1:]
        how = data[:1]
        blob = archive(rest) if how == DESCRIBED else with_right_checksums(rest) if how == MENDED else rest
        work = self._place / "work"
        work.mkdir()
        try:
            return self._extract(work, blob)
        finally:
            remove_tree(work)

    def _extract(self, work: Path, blob: bytes) -> bool:
        before = snapshot(self._around, work)
        found: list[str] = []
        try:
            tree = unpack_here(work, blob, _LIMITS)
        except (CorruptLayer, UnsafeLayer):
            good = False
        else:
            good = True
            found = disagreements(tree.root, tree.entries.values())
        if found:
            raise Broken("; ".join(found))
        if snapshot(self._around, work) != before:
            raise Broken("something beside the tree was touched")
        if self._open_files():
            raise Broken("files stayed open")
        return good

    def _open_files(self) -> list[Path]:
        """What this process has open in here; it may have threads that open and close other things."""
        found = []
        for fd in Path("/proc/self/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):
                found.append(fd.readlink())
        return [path for path in found if path.is_relative_to(self._around)]

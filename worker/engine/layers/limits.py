"""How much one layer may be: what holds a decompression bomb, or a tar of endless names, in check."""

from __future__ import annotations

from dataclasses import dataclass

from worker.engine.errors import UnsafeLayer


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one layer; beyond them it is refused.

    Attributes:
        unpacked_bytes: Of the uncompressed tar, with sparse files counted as long as they are; holes may make
            up a quarter of it: they take no room, but time to hash.
        entries: Of the tar.
        ratio: Uncompressed bytes per compressed byte, once ``ratio_from`` bytes are uncompressed.
        ratio_from: Bytes; small layers of zeros are harmless.
        memory_bytes: Of the extracting process (RLIMIT_DATA).
    """

    unpacked_bytes: int = 1 << 38
    entries: int = 4_000_000
    ratio: int = 300
    ratio_from: int = 1 << 30
    memory_bytes: int = 1 << 30

    def check_bytes(self, compressed: int, unpacked: int) -> None:
        """Raise :class:`UnsafeLayer` if these sizes in bytes are beyond the bounds."""
        if unpacked > self.unpacked_bytes:
            raise self._refused(f"it unpacks to more than {self.unpacked_bytes} bytes")
        if unpacked > self.ratio_from and unpacked > compressed * self.ratio:
            raise self._refused(f"it unpacks to more than {self.ratio} times its size")

    def check_holes(self, holes: int, unpacked: int = 0) -> None:
        """Raise :class:`UnsafeLayer` if so many bytes of holes, beside those of the tar, are too many."""
        if holes > self.unpacked_bytes // 4:
            raise self._refused(f"its sparse files have holes of more than {self.unpacked_bytes // 4} bytes")
        if holes + unpacked > self.unpacked_bytes:
            raise self._refused(f"it unpacks to more than {self.unpacked_bytes} bytes")

    def check_entries(self, entries: int) -> None:
        """Raise :class:`UnsafeLayer` if there are more entries than the bound."""
        if entries > self.entries:
            raise self._refused(f"it has more than {self.entries} entries")

    @staticmethod
    def _refused(why: str) -> UnsafeLayer:
        return UnsafeLayer(
            f"The layer is refused: {why}.",
            hint="Do not trust this image: a layer like this fills disks.",
        )

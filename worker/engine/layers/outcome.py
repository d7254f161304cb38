"""What whoever completes a layer needs to know of its tree, beside the file index."""

from __future__ import annotations

from dataclasses import dataclass

_MAX_BYTES = 1 << 18


@dataclass(frozen=True, slots=True)
class Finished:
    """What is to be told of a tree.

    Attributes:
        opaque: Paths of the directories that are still to be marked as opaque; None if they are too many for
            a list, and only the file index tells.
        implied: Paths of the directories that the tar has no entry for; None likewise.
        left_out: Names of extended attributes that are not in the tree, though the tar has them.
    """

    opaque: list[bytes] | None
    implied: list[bytes] | None
    left_out: list[bytes]


class BoundedList:
    """Paths to be told, unless they are too many.

    Attributes:
        paths: None if they are.
    """

    def __init__(self) -> None:
        self.paths: list[bytes] | None = []
        self._room = _MAX_BYTES

    def add(self, path: bytes) -> None:
        self._room -= len(path) + 1
        if self._room < 0:
            self.paths = None
        if self.paths is not None:
            self.paths.append(path)

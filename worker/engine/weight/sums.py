"""What an image's layers hold, exactly: how much of it the image shows, and how much is the same content."""

from __future__ import annotations

from dataclasses import dataclass

from worker.engine.files import ImageFiles, View
from worker.engine.files.table import FILE, HASH_BYTES, LayerTable
from worker.engine.weight.efficiency import content_size


@dataclass(frozen=True, slots=True)
class LayerSum:
    """Bytes of content of one layer.

    Attributes:
        bytes: Of all its files, each once, whatever number of names it has.
        seen: Of those that the image shows; the others are overwritten or deleted by layers above.
    """

    bytes: int
    seen: int

    @property
    def hidden(self) -> int:
        return self.bytes - self.seen


@dataclass(frozen=True, slots=True)
class Sums:
    """Bytes of content of an image.

    Attributes:
        layers: The base first.
        distinct: Of all layers, with files of the same content counted once, in whatever layer.
        files, distinct_files: How many files that are.
    """

    layers: tuple[LayerSum, ...]
    distinct: int
    files: int
    distinct_files: int

    @property
    def bytes(self) -> int:
        return sum(layer.bytes for layer in self.layers)

    @property
    def seen(self) -> int:
        return sum(layer.seen for layer in self.layers)

    @property
    def hidden(self) -> int:
        return self.bytes - self.seen

    @property
    def repeated(self) -> int:
        """Bytes that are a repetition of other content of the image."""
        return self.bytes - self.distinct


def sums(files: ImageFiles) -> Sums:
    """Add up an image's layers. One that occurs twice counts twice, and is the same content both times."""
    tables = files.tables
    contents: dict[bytes, int] = {}
    count = 0
    for table in tables:
        for sha256, size in file_contents(table):
            contents[sha256] = size
            count += 1
    seen = _seen(files.view())
    return Sums(
        tuple(LayerSum(content_size(table), seen[at]) for at, table in enumerate(tables)),
        sum(contents.values()),
        count,
        len(contents),
    )


def file_contents(table: LayerTable) -> list[tuple[bytes, int]]:
    """SHA-256 and size in bytes of each file of a layer, once, whatever number of names it has."""
    hashes, sizes, inodes = table.hashes, table.sizes, table.inodes
    return [
        (hashes[HASH_BYTES * row : HASH_BYTES * (row + 1)], sizes[row])
        for row, kind in enumerate(table.kinds)
        if kind == FILE and row not in inodes
    ]


def _seen(view: View) -> list[int]:
    """Bytes that the image shows of each layer; a file with several names is seen by any of them."""
    seen = [0] * len(view.tables)
    counted: set[tuple[int, int]] = set()
    columns = view.columns()
    for layer, size, inode in zip(columns.layers, columns.sizes, columns.inodes, strict=True):
        if inode in counted:
            continue
        if inode is not None:
            counted.add(inode)
        seen[layer] += size
    return seen

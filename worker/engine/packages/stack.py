"""The packages of an image as of each of its layers: what every layer, on top of the ones below, changed.

A layer is looked at closely only if it has something at, or on the way to, a place that records packages; of
a record that no layer touched, what was read of it still holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from worker.engine.cancel import CancelToken
from worker.engine.content import read_head
from worker.engine.errors import ContentUnreadable, LinkLoop
from worker.engine.files import ImageFiles, Node, View
from worker.engine.files.table import DIRECTORIES, LayerTable
from worker.engine.oci import Digest
from worker.engine.packages import os_release
from worker.engine.packages.places import FIXED, LOOKED_AT, Kind, kind_of, records_among, with_ancestors
from worker.engine.packages.reading import read_record
from worker.engine.packages.rpm import LOGS
from worker.engine.packages.values import Contents, Distribution, Record
from worker.engine.store import LayerStore

MAX_RECORDS = 50_000
"""Records of single packages that are read of one layer."""

_TOO_MANY = f"This layer brings more than {MAX_RECORDS:,} records of packages; the others are not listed."
_WITH_LOG = (
    "A part of this database is in its log (-wal), which is not read: packages may be missing or outdated."
)


def read_stack(
    layers: LayerStore,
    files: ImageFiles,
    diff_ids: Sequence[Digest],
    start: int = 0,
    below: Contents | None = None,
    cancel: CancelToken | None = None,
) -> Iterator[Contents]:
    """Yield the packages as of each layer, from position ``start`` on.

    Args:
        below: What is known as of the layer below ``start``.

    Raises:
        LayerMissing, StoreDamaged: as the index or the tree of a layer is.
        StoreError: the disk refuses.
        Cancelled: ``cancel`` was.
    """
    contents = below or Contents()
    for position in range(start, len(diff_ids)):
        if cancel is not None:
            cancel.check()
        changed = _records_of(files.tables[position], contents)
        if changed is not None:
            contents = _Layer(layers, files, diff_ids, position).read(contents, changed, cancel)
        yield contents


def _records_of(table: LayerTable, below: Contents) -> dict[bytes, Kind] | None:
    """The records of packages that a layer has itself; None if it has nothing to do with packages."""
    paths = table.all_paths()
    found = dict(records_among(paths))
    ways = with_ancestors((*LOOKED_AT, *below.records))
    touched = any(
        path in ways and (kind not in DIRECTORIES or row in table.opaque)
        for row, (path, kind) in enumerate(zip(paths, table.kinds, strict=True))
    )
    return found if found or touched or 0 in table.opaque else None


class _Layer:
    """One layer of an image, seen on top of the ones below."""

    def __init__(
        self, layers: LayerStore, files: ImageFiles, diff_ids: Sequence[Digest], position: int
    ) -> None:
        self._layers = layers
        self._diff_ids = diff_ids
        self._position = position
        self._view: View = files.view(position)

    def read(self, below: Contents, own: dict[bytes, Kind], cancel: CancelToken | None) -> Contents:
        fixed = self._fixed()
        records = {
            path: record
            for path, record in below.records.items()
            if kind_of(path) is not None and self._stands(path)
        }
        for count, (path, kind) in enumerate(sorted(own.items())):
            if count == MAX_RECORDS:
                records[path] = Record(notes=(_TOO_MANY,))
                break
            if cancel is not None and not count % 256:
                cancel.check()
            self._add(records, path, kind)
        for path, (node, kind) in fixed.items():
            known = below.records.get(path)
            records[path] = known if known and node.layer < self._position else self._read(node, kind)
        self._look_at_logs(records)
        records = {path: record for path, record in records.items() if record.packages or record.notes}
        return Contents(records, self._distribution())

    def _fixed(self) -> dict[bytes, tuple[Node, Kind]]:
        """The databases with one place, by where they stand in the end."""
        found = {}
        for path, kind in FIXED.items():
            node = self._file(path)
            if node is not None:
                found[node.path] = (node, kind)
        return found

    def _stands(self, path: bytes) -> bool:
        """Whether a record of below is still there, as it was."""
        node = self._file(path)
        return node is not None and node.layer < self._position

    def _add(self, records: dict[bytes, Record], path: bytes, kind: Kind) -> None:
        node = self._file(path)
        # The node of a link is what it leads to, which may be below, and read there already.
        if node is not None and path not in records:
            records[path] = self._read(node, kind)

    def _file(self, path: bytes) -> Node | None:
        """The regular file that a path leads to, inside of the image."""
        node = self._view.get(path)
        if node is None or not node.is_file:
            try:
                node = self._view.resolve(path)
            except LinkLoop:
                return None
        return node if node is not None and node.is_file else None

    def _read(self, node: Node, kind: Kind) -> Record:
        return read_record(self._layers, node, kind, self._diff_ids[node.layer])

    def _look_at_logs(self, records: dict[bytes, Record]) -> None:
        for path, log in LOGS.items():
            database, node = self._file(path), self._file(log)
            if database is None or database.path not in records:
                continue
            record = records[database.path]
            notes = tuple(note for note in record.notes if note != _WITH_LOG)
            if node is not None and node.size:
                notes += (_WITH_LOG,)
            records[database.path] = Record(record.packages, notes)

    def _distribution(self) -> Distribution:
        for path in os_release.PATHS:
            node = self._file(path)
            if node is None:
                continue
            try:
                head = read_head(self._layers, node, self._diff_ids[node.layer], os_release.HEAD_BYTES)
            except ContentUnreadable:
                continue
            return os_release.read_os_release(head)
        return Distribution()

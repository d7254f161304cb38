"""From one file of an image to the packages that it records. Whatever it holds, the answer is a value."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO

from worker.engine.content import open_file, read_head
from worker.engine.errors import ContentUnreadable
from worker.engine.files import Node
from worker.engine.oci import Digest
from worker.engine.packages import apk, dpkg, npm, python, rpm
from worker.engine.packages.places import Kind
from worker.engine.packages.values import Package, Record, Unreadable
from worker.engine.store import LayerStore

MAX_PACKAGES = 100_000
"""Of one database; more are not listed."""
_DATABASES: dict[Kind, Callable[[BinaryIO], Iterator[Package | Unreadable]]] = {
    Kind.DPKG: dpkg.read_status,
    Kind.APK: apk.read_installed,
    Kind.RPM: rpm.read_sqlite,
}


def read_record(layers: LayerStore, node: Node, kind: Kind, diff_id: Digest) -> Record:
    """Read what the file ``node`` of the layer ``diff_id`` records.

    Raises:
        LayerMissing: the layer is not extracted.
        StoreDamaged: its tree has not what its index says.
        StoreError: the disk refuses.
    """
    if kind is Kind.RPM_UNREAD:
        form = next((form for path, form in rpm.OTHERS.items() if node.path.endswith(path)), "an older form")
        return Record(notes=(f"This rpm database ({form}) is not read: its packages are not listed here.",))
    try:
        if kind in _DATABASES:
            return _database(layers, node, kind, diff_id)
        package = _single(layers, node, kind, diff_id)
    except Unreadable as problem:
        return Record(notes=(f"Not read: it {problem}.",))
    except ContentUnreadable as error:
        return Record(notes=(error.message,))
    return Record(packages=frozenset((package,)) if package else frozenset())


def _single(layers: LayerStore, node: Node, kind: Kind, diff_id: Digest) -> Package | None:
    if kind is Kind.PYTHON:
        return python.read_record(read_head(layers, node, diff_id, python.HEAD_BYTES))
    if node.size > npm.MAX_BYTES:
        raise Unreadable(f"is larger than {npm.MAX_BYTES >> 20} MiB")
    return npm.read_record(read_head(layers, node, diff_id, npm.MAX_BYTES))


def _database(layers: LayerStore, node: Node, kind: Kind, diff_id: Digest) -> Record:
    if kind is Kind.RPM and node.size > rpm.MAX_BYTES:
        raise Unreadable(f"is larger than {rpm.MAX_BYTES >> 30} GiB")
    with open_file(layers, node, diff_id) as file:
        return gather(_DATABASES[kind](file))


def gather(found: Iterable[Package | Unreadable]) -> Record:
    """Take what a reader yields, as far as it comes."""
    packages: set[Package] = set()
    notes: list[str] = []
    problem, problems = "", 0
    try:
        for one in found:
            if isinstance(one, Unreadable):
                problem, problems = problem or str(one), problems + 1
            elif len(packages) < MAX_PACKAGES:
                packages.add(one)
            else:
                notes.append(f"Only {MAX_PACKAGES:,} of its packages are listed.")
                break
    except Unreadable as end:
        notes.append(str(end))
    if problems:
        more = f", and {problems - 1:,} more" if problems > 1 else ""
        notes.append(f"Not all of it could be understood: {problem}{more}.")
    return Record(frozenset(packages), tuple(notes))

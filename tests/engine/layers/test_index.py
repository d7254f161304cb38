"""The file index: written once, read back the same, and never silently half."""

from __future__ import annotations

from pathlib import Path

import pytest
import zstandard

from worker.engine.errors import LayerMissing, StoreDamaged
from worker.engine.layers import EntryType, FileEntry, FileIndex
from worker.engine.layers.index import IndexWriter

ENTRIES = [
    FileEntry(b"a/\xff", EntryType.FILE, 5, 0o4755, 1, 2, -3, b"", {b"user.x": b"\0"}, b"h" * 32),
    FileEntry(b"s", EntryType.SYMLINK, link=b"../t", mode=0o777),
    FileEntry(b"d", EntryType.CHAR, mode=0o600, device=(1, 3)),
    FileEntry(b"w", EntryType.WHITEOUT),
    FileEntry(b"", EntryType.DIRECTORY, mode=0o755, mtime_ns=1),
]


def write(path: Path, entries: list[FileEntry]) -> IndexWriter:
    with path.open("w+b") as file:
        writer = IndexWriter(file)
        for entry in entries:
            writer.add(entry.pack())
        writer.close()
    return writer


def test_entries_are_read_back_as_they_were_written(tmp_path: Path) -> None:
    writer = write(tmp_path / "index", ENTRIES)
    assert list(FileIndex(tmp_path / "index").entries()) == ENTRIES
    assert (writer.count, writer.content_size) == (5, 5)


def test_many_entries_cost_little_room(tmp_path: Path) -> None:
    """Like those of a real layer: common directories, common times."""
    entries = [
        FileEntry(
            f"usr/share/doc/package-{at // 5}/file{at}.gz".encode(),
            EntryType.FILE,
            at * 7 % 5000,
            0o644,
            mtime_ns=1_700_000_000 * 10**9,
        )
        for at in range(20_000)
    ]
    write(tmp_path / "index", entries)
    assert (tmp_path / "index").stat().st_size < 20_000 * 20
    assert list(FileIndex(tmp_path / "index").entries()) == entries


def test_a_truncated_index_is_noticed(tmp_path: Path) -> None:
    write(tmp_path / "index", ENTRIES * 2000)
    whole = (tmp_path / "index").read_bytes()
    for length in (0, 3, len(whole) // 2, len(whole) - 1):
        (tmp_path / "index").write_bytes(whole[:length])
        with pytest.raises(StoreDamaged):
            list(FileIndex(tmp_path / "index").entries())


@pytest.mark.parametrize(
    "content", [b"", b"rubbish", zstandard.compress(b"\x93\x01"), zstandard.compress(b"\x80")]
)
def test_what_is_no_index_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "index").write_bytes(content)
    with pytest.raises(StoreDamaged):
        list(FileIndex(tmp_path / "index").entries())


def test_a_missing_index_is_a_missing_layer(tmp_path: Path) -> None:
    with pytest.raises(LayerMissing):
        list(FileIndex(tmp_path / "none").entries())

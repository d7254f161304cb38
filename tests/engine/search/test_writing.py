"""How layers come in and go out, and what is left when a writer is interrupted."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.search.layers import file, layer, make, mark
from worker.engine.cancel import CancelToken
from worker.engine.errors import Cancelled, SearchDamaged, StoreDamaged
from worker.engine.layers import EntryType, FileEntry
from worker.engine.search import FileQuery, SearchIndex, SearchWriter, database, writing

A, B = layer("a"), layer("b")


def rows(path: Path, table: str) -> int:
    db = database.connect_to_read(path)
    (count,) = db.execute(f"SELECT count(*) FROM {table}").fetchone()
    db.close()
    return int(count)


def test_a_layer_comes_in_by_batches_and_its_hard_links_find_their_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "_BATCH", 3)
    entries = [file(f"f{number}", str(number)) for number in range(10)]
    entries.append(FileEntry(b"linked", EntryType.HARDLINK, link=b"f1"))
    make(tmp_path, {A: entries})
    index = SearchIndex(tmp_path)
    assert len(index.search(FileQuery("/"), {A}).items) == 10
    assert [path for _, path, _ in index.same_content(entries[1].sha256 or b"", {A})] == [b"f1", b"linked"]


def test_readers_do_not_see_a_layer_that_is_half_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "_BATCH", 1)
    make(tmp_path, {A: [file("a")]})
    index = SearchIndex(tmp_path)
    seen = []

    def slow() -> Iterator[FileEntry]:
        for number in range(3):
            seen.append((index.layers(), len(index.search(FileQuery("/"), {A, B}).items)))
            yield file(f"b{number}", str(number))

    path = database.current(tmp_path)
    assert path is not None
    with SearchWriter(path) as writer:
        writer.add(B, slow())
    assert seen == [({A}, 1)] * 3
    assert index.layers() == {A, B}


@pytest.mark.parametrize("error", [StoreDamaged("half an index"), KeyboardInterrupt()])
def test_of_a_layer_that_did_not_come_in_nothing_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    monkeypatch.setattr(writing, "_BATCH", 1)
    path = make(tmp_path, {A: [file("a")]})

    def ending() -> Iterator[FileEntry]:
        yield file("b")
        raise error

    with SearchWriter(path) as writer, pytest.raises(type(error)):
        writer.add(B, ending())
    assert (rows(path, "layer"), rows(path, "entry"), rows(path, "part")) == (1, 1, 1)


def test_cancelling_ends_it_within_a_batch(tmp_path: Path) -> None:
    token = CancelToken()
    token.cancel()
    path = make(tmp_path, {})
    with SearchWriter(path) as writer, pytest.raises(Cancelled):
        writer.add(A, iter([file("a")]), token)
    assert rows(path, "layer") == 0


def test_what_a_killed_writer_left_is_taken_out_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "_BATCH", 1)
    path = make(tmp_path, {A: [file("a"), mark("gone")]})
    db = database.connect_to_write(path)
    db.execute("UPDATE layer SET complete = 0")  # as it is before the last batch
    db.close()
    with SearchWriter(path) as writer:
        assert writer.layers() == set()
    assert (rows(path, "layer"), rows(path, "entry"), rows(path, "part")) == (0, 0, 0)
    make(tmp_path, {A: [file("a"), mark("gone")]})
    assert SearchIndex(tmp_path).layers() == {A}


def test_a_layer_that_is_forgotten_takes_only_its_own_with_it(tmp_path: Path) -> None:
    path = make(tmp_path, {A: [file("both", "x"), file("a")], B: [file("both", "x"), file("b", "b")]})
    with SearchWriter(path) as writer:
        writer.forget({A, layer("never there")})
    index = SearchIndex(tmp_path)
    found = index.search(FileQuery("/"), {A, B}).items
    assert [one.places[0].path for one in found] == [b"both", b"b"]
    assert rows(path, "entry") == 2


def test_a_layer_of_no_entries_is_searchable(tmp_path: Path) -> None:
    make(tmp_path, {A: []})
    assert SearchIndex(tmp_path).layers() == {A}
    assert SearchIndex(tmp_path).search(FileQuery("x"), {A}).items == ()


@pytest.mark.parametrize("damage", [b"", b"nothing of the kind", b"SQLite format 3\0" + b"\xff" * 9000])
def test_a_reader_says_that_the_database_is_damaged(tmp_path: Path, damage: bytes) -> None:
    make(tmp_path, {A: [file("a")]}).write_bytes(damage)
    with pytest.raises(SearchDamaged):
        SearchIndex(tmp_path).search(FileQuery("a"), {A})


def test_what_is_written_back_stands_in_the_file_itself(tmp_path: Path) -> None:
    path = make(tmp_path, {A: [file("a")]})
    alone = tmp_path / "alone" / path.name
    alone.parent.mkdir()
    with SearchWriter(path) as writer:
        writer.add(B, [file("b")])
        writer.write_back()
        shutil.copyfile(path, alone)  # without the log beside it
    assert SearchIndex(alone.parent).layers() == {A, B}


def test_contents_that_begin_alike_are_told_apart_and_each_is_kept_once(tmp_path: Path) -> None:
    def one(name: str, end: bytes) -> FileEntry:
        return FileEntry(name.encode(), EntryType.FILE, 1, sha256=b"\xff" * 8 + end * 24)

    path = make(tmp_path, {A: [one("a", b"1"), one("b", b"2")], B: [one("c", b"2"), one("d", b"3")]})
    places = SearchIndex(tmp_path).same_content(b"\xff" * 8 + b"2" * 24, {A, B})
    assert [(layer_, at) for layer_, at, _ in places] == [(A, b"b"), (B, b"c")]
    assert rows(path, "content") == 3

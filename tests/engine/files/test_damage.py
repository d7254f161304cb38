"""Whatever a file index holds: a table that can be used, or one clear error; never anything else."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import msgpack
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.files import file_entry, open_store, put_index
from worker.engine.errors import StoreDamaged
from worker.engine.files import ImageFiles
from worker.engine.files.loading import make_table

FILE = (b"f", 0, 1, 0o644, 0, 0, 0, b"", None, bytes(range(32)))

NONSENSE: dict[str, list[Any]] = {
    "a path that is text": [("f", 0)],
    "a path that is a number": [(5, 0)],
    "an absolute path": [(b"/f", 0)],
    "an absolute path beside the same one": [(b"f", 0), (b"/f", 0)],
    "a path with an empty part": [(b"a//f", 0)],
    "a path that ends in a slash": [(b"a/", 0)],
    "a path that leads upwards": [(b"a/../f", 0)],
    "a path that leads nowhere": [(b"./f", 0)],
    "a path with a zero byte": [(b"a\0b", 0)],
    "a path twice": [FILE, FILE],
    "something in a file": [FILE, (b"f/g", 0)],
    "a root that is a file": [(b"", 0)],
    "a root that is deleted": [(b"", 8)],
    "an unknown type": [(b"f", 10)],
    "a type beyond a byte": [(b"f", 1000)],
    "a type that is text": [(b"f", "file")],
    "a size below zero": [(b"f", 0, -1)],
    "a size beyond all bounds": [(b"f", 0, 1 << 63)],
    "a mode beyond all bounds": [(b"f", 0, 0, 1 << 16)],
    "an owner below zero": [(b"f", 0, 0, 0, -1)],
    "a time that is a fraction": [(b"f", 0, 0, 0, 0, 0, 0.5)],
    "a link that is a number": [(b"f", 2, 0, 0, 0, 0, 0, 1 << 40)],
    "attributes that are a list": [(b"f", 0, 0, 0, 0, 0, 0, b"", (1, 2))],
    "attributes that are numbers": [(b"f", 0, 0, 0, 0, 0, 0, b"", {b"a": 1})],
    "a hash that is short": [(b"f", 0, 0, 0, 0, 0, 0, b"", None, b"short")],
    "hashes that are right together": [
        (b"f", 0, 0, 0, 0, 0, 0, b"", None, bytes(31)),
        (b"g", 0, 0, 0, 0, 0, 0, b"", None, bytes(33)),
    ],
    "a device with three numbers": [(b"f", 4, 0, 0, 0, 0, 0, b"", None, None, (1, 2, 3))],
    "an empty record": [()],
    "a record that is too long": [(*FILE, None, None)],
    "a hard link to nothing": [(b"f", 3, 0, 0, 0, 0, 0, b"g")],
    "a hard link to itself": [(b"f", 3, 0, 0, 0, 0, 0, b"f")],
    "hard links in a ring": [(b"f", 3, 0, 0, 0, 0, 0, b"g"), (b"g", 3, 0, 0, 0, 0, 0, b"f")],
    "a hard link to a directory": [(b"f", 3, 0, 0, 0, 0, 0, b"d"), (b"d", 1)],
    "a hard link to what is deleted": [(b"f", 3, 0, 0, 0, 0, 0, b"d"), (b"d", 8)],
    "an opaque file": [FILE, (b"f", 9)],
    "an opaque nothing": [(b"f", 9)],
}


@pytest.mark.parametrize("what", NONSENSE)
def test_what_no_layer_has_is_an_error(what: str) -> None:
    with pytest.raises(StoreDamaged):
        make_table(NONSENSE[what])


def test_directories_without_a_record_are_implied() -> None:
    table = make_table([(b"a/b/f", 0)])
    assert table.all_paths() == [b"", b"a", b"a/b", b"a/b/f"]


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 1 << 65),
    st.binary(max_size=3),
    st.text(max_size=3),
    st.binary(min_size=32, max_size=32),
    st.tuples(st.integers(0, 9), st.integers(0, 9)),
    st.dictionaries(st.binary(max_size=2), st.binary(max_size=2), max_size=2),
)
PATHS = st.sampled_from([b"", b"a", b"b", b"a/b", b"a/c", b"/a", b"a//b", b".", b"a/..", b"a\0"])
RECORDS = st.one_of(
    st.tuples(PATHS, st.integers(0, 10)),
    st.tuples(PATHS, st.integers(0, 9), st.just(0), *[st.just(0)] * 4, PATHS),
    st.lists(VALUES, max_size=12).map(tuple),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(RECORDS, max_size=6))
def test_any_records_make_a_table_that_can_be_used_or_one_error(records: list[tuple[Any, ...]]) -> None:
    try:
        files = ImageFiles([make_table(records)] * 2)
    except StoreDamaged:
        return
    view = files.view()
    for node in view.walk():
        assert view.get(node.path) == node
        assert files.history(node.path)
        view.total(node.path)
    assert len(list(view.columns())) == len(view)
    view.changes()


def test_a_file_with_wrong_bytes_is_at_most_one_error(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    diff_id = put_index(store, "layer", [file_entry(f"d/{number}", number) for number in range(20)])
    path = store.layers.index_path(diff_id)
    good = path.read_bytes()
    path.chmod(0o644)

    @settings(max_examples=200, deadline=None)
    @given(st.integers(0, len(good) - 1), st.integers(0, 255))
    def spoil(at: int, flipped: int) -> None:
        content = bytearray(good)
        if flipped:
            content[at] ^= flipped
        else:
            del content[at:]
        path.write_bytes(content)
        with contextlib.suppress(StoreDamaged):
            ImageFiles.of(store.layers, [diff_id]).view()

    spoil()
    path.write_bytes(good[:-1])
    with pytest.raises(StoreDamaged) as caught:
        ImageFiles.of(store.layers, [diff_id])
    assert caught.value.diff_id == str(diff_id)


@pytest.mark.parametrize(
    "values",
    [
        [],
        ["text"],
        [{"format": "strata-files", "version": 2}],
        [{"format": "strata-files", "version": 1}],
        [{"format": "strata-files", "version": 1}, {"entries": 1}],
        [{"format": "strata-files", "version": 1}, (b"f", 0), {"entries": 2}],
        [{"format": "strata-files", "version": 1}, 5, {"entries": 1}],
        [{"format": "strata-files", "version": 1}, {(1, 2): 3}],
        [{"format": "strata-files", "version": 1}, [[[[]]]] * 3],
    ],
)
def test_a_file_of_another_form_is_one_error(tmp_path: Path, values: list[Any]) -> None:
    store = open_store(tmp_path / "store")
    diff_id = put_index(store, "layer", [file_entry("f")])
    path = store.layers.index_path(diff_id)
    path.unlink()
    packed = b"".join(msgpack.packb(value) for value in values)
    path.write_bytes(zstandard.ZstdCompressor().compress(packed))
    with pytest.raises(StoreDamaged):
        ImageFiles.of(store.layers, [diff_id])


def test_a_chain_of_hard_links_takes_time_in_proportion() -> None:
    """Each looked up along all the others would take an hour."""
    count = 200_000
    chain = [(b"%09d" % at, 3, 0, 0, 0, 0, 0, b"%09d" % (at + 1)) for at in range(count)]
    table = make_table([*chain, (b"%09d" % count, 0, 5)])
    assert set(table.inodes.values()) == {count + 1}

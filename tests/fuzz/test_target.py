"""The fuzzer's target, over what it begins with; without the fuzzer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fuzz.archive import archive
from fuzz.seeds import seeds, words
from fuzz.target import DESCRIBED, RAW, Broken, Target
from samples.images import Entry, write_tar
from tests.engine.layers import archives
from worker.engine.layers.directories import Directories
from worker.engine.layers.tree import TreeWriter

pytestmark = pytest.mark.root


@pytest.fixture
def target() -> Iterator[Target]:
    made = Target()
    yield made
    made.close()


def test_all_holds_for_what_the_fuzzer_begins_with(target: Target) -> None:
    good = [target(data) for data in seeds()]
    assert sum(good) >= 15
    assert not all(good)


def test_bytes_describe_all_kinds_of_entries() -> None:
    assert archive(b"") == archives.END
    assert len(archive(bytes(range(256)) * 4)) % archives.BLOCK == 0
    assert {archive(bytes([kind]))[156:157] for kind in range(15)} >= {
        b"0",
        b"1",
        b"2",
        b"5",
        b"S",
        b"x",
        b"L",
    }


def test_the_dictionary_is_one_that_libfuzzer_reads() -> None:
    assert all(line.startswith(b'"\\x') and line.endswith(b'"') for line in words().splitlines())


def test_what_does_not_hold_is_noticed(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """An extraction that leaves entries out of the index is found out, and one that leaves files open."""
    with monkeypatch.context() as patched:
        patched.setattr(TreeWriter, "_record", lambda *_: None)
        with pytest.raises(Broken, match="only in the tree"):
            target(RAW + write_tar([Entry("p", type=b"6")]))
    assert target(DESCRIBED)
    with monkeypatch.context() as patched:
        patched.setattr(Directories, "close", lambda _: None)
        with pytest.raises(Broken, match="stayed open"):
            target(RAW + write_tar([Entry("d/e/f")]))

"""A container compared with its image, from its upper directory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from samples.layers import layer
from tests.support.files import open_store, put_layer
from worker.engine.compare import Comparison
from worker.engine.compare import upper as upper_module
from worker.engine.compare.upper import compare_upper, read_upper
from worker.engine.containers import Change
from worker.engine.files import ImageFiles, View

IMAGE = layer({"etc/motd": b"hello", "etc/same": b"1234", "usr/lib/a": b"1", "usr/lib/b": b"22"})


@pytest.fixture
def image(tmp_path: Path) -> View:
    store = open_store(tmp_path / "store")
    return ImageFiles.of(store.layers, [put_layer(store, IMAGE)]).view()


@pytest.fixture
def upper(tmp_path: Path) -> Path:
    made = tmp_path / "upper"
    (made / "etc").mkdir(parents=True)
    return made


def change(path: str, kind: str) -> Change:
    return Change(path, kind, "file", 0, os.fsencode(path))  # type: ignore[arg-type]


def told(found: Comparison) -> list[tuple[bytes, str, tuple[str, ...]]]:
    owner_or_time = {"owner", "time", "mode"}  # of whoever runs the tests
    return [
        (one.path, one.kind.value, tuple(name for name in one.aspects.names if name not in owner_or_time))
        for one in found.differences
    ]


def test_nothing_written_nothing_differs(image: View, upper: Path) -> None:
    for place in (None, upper):
        found = compare_upper(image, place, [])
        assert found.identical
        assert found.same == len(image)
        assert found.before == found.after == 12


def test_content_is_hashed_only_where_the_size_is_the_same(
    image: View, upper: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (upper / "etc/motd").write_bytes(b"HELLO")
    (upper / "etc/same").write_bytes(b"1234")
    (upper / "etc/longer").write_bytes(b"x" * 100)
    hashed: list[int] = []
    real = upper_module._hash
    monkeypatch.setattr(upper_module, "_hash", lambda file, size: hashed.append(size) or real(file, size))
    found = compare_upper(
        image,
        upper,
        [change("/etc/motd", "changed"), change("/etc/same", "changed"), change("/etc/longer", "added")],
    )
    assert (b"etc/motd", "changed", ("content",)) in told(found)
    assert (b"etc/longer", "added", ()) in told(found)
    assert not any(path == b"etc/same" and "content" in names for path, _, names in told(found))
    assert sorted(hashed) == [4, 5]
    assert found.after == found.before + 100


def test_a_removed_directory_takes_all_that_was_in_it(image: View, upper: Path) -> None:
    found = compare_upper(image, upper, [change("/usr", "removed")])
    assert [path for path, kind, _ in told(found) if kind == "removed"] == [
        b"usr", b"usr/lib", b"usr/lib/a", b"usr/lib/b",
    ]  # fmt: skip
    assert found.after == found.before - 3
    assert found.same == len(image) - 4


def test_a_directory_that_became_a_file_is_another_type_and_its_contents_are_gone(
    image: View, upper: Path
) -> None:
    (upper / "usr").write_bytes(b"!")
    found = compare_upper(image, upper, [change("/usr", "changed")])
    assert told(found)[0] == (b"usr", "changed", ("type",))
    assert [path for path, kind, _ in told(found) if kind == "removed"] == [
        b"usr/lib",
        b"usr/lib/a",
        b"usr/lib/b",
    ]


def test_what_vanished_or_leads_out_is_left_out(image: View, upper: Path, tmp_path: Path) -> None:
    """A running container may put a link where a directory was, while it is looked at."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret").write_bytes(b"secret")
    (upper / "link").symlink_to(tmp_path / "outside")
    found = compare_upper(
        image,
        upper,
        [change("/gone", "added"), change("/link/secret", "added"), change("/etc/motd", "changed")],
    )
    assert found.identical
    for path in (b"link/secret", b"link", b"gone", b"../outside/secret", b""):
        with pytest.raises(FileNotFoundError):
            read_upper(upper, path, 10)


def test_what_is_too_much_to_read_counts_as_changed(
    image: View, upper: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upper_module, "HASHED_MAX", 3)
    (upper / "etc/same").write_bytes(b"1234")
    found = compare_upper(image, upper, [change("/etc/same", "changed")])
    assert told(found) == [(b"etc/same", "changed", ("content",))]
    _, after = found.entries(found.differences[0])
    assert after is not None
    assert after.sha256 is None


def test_a_pipe_is_never_waited_for(image: View, upper: Path) -> None:
    os.mkfifo(upper / "etc/motd")
    found = compare_upper(image, upper, [change("/etc/motd", "changed")])
    assert told(found) == [(b"etc/motd", "changed", ("type",))]
    with pytest.raises(FileNotFoundError):
        read_upper(upper, b"etc/motd", 10)


def test_the_beginning_of_a_file_is_read(upper: Path) -> None:
    (upper / "etc/motd").write_bytes(b"hello world")
    assert read_upper(upper, b"etc/motd", 5) == b"hello"


def test_that_not_all_was_looked_at_is_said(
    image: View, upper: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upper_module, "MAX_CHANGES", 2)
    (upper / "one").write_bytes(b"1")
    one, two = change("/one", "added"), change("/usr", "removed")
    assert not compare_upper(image, upper, [one]).cut
    assert compare_upper(image, upper, [one, two]).cut

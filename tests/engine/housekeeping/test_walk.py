"""Walking trees: of any depth, complete, never through links or onto what is mounted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.disks import small_disk
from worker.engine.disk import remove_tree
from worker.engine.housekeeping.walk import usage, walk


def paths(top: Path) -> list[bytes]:
    return sorted(found.path for found in walk(top))


def test_everything_is_found_once_directories_before_their_content(tmp_path: Path) -> None:
    for name in ("a/b/c", "a/d", "e"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "file").touch()
    (tmp_path / "link").symlink_to("a")
    (tmp_path / os.fsdecode(b"\xff")).touch()
    found = [found.path for found in walk(tmp_path)]
    assert sorted(found) == sorted(set(found)) == [
        b"a", b"a/b", b"a/b/c", b"a/b/c/file", b"a/d", b"a/d/file", b"e", b"e/file", b"link", b"\xff"
    ]  # fmt: skip
    assert found.index(b"a") < found.index(b"a/b") < found.index(b"a/b/c/file")


def test_a_tree_deeper_than_any_path_may_be(tmp_path: Path) -> None:
    """With one open file; Python's own walk fails at a thousand levels."""
    top = tmp_path / "top"
    top.mkdir()
    here = os.open(top, os.O_RDONLY)
    try:
        for _ in range(1500):
            os.mkdir("deep", dir_fd=here)
            os.close(os.open("f", os.O_CREAT | os.O_WRONLY, dir_fd=here))
            deeper = os.open("deep", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = deeper
        assert sum(1 for _ in walk(top)) == 3000
    finally:
        os.close(here)
        remove_tree(top)


def test_what_vanishes_meanwhile_is_left_out(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    seen = []
    for found in walk(tmp_path):
        seen.append(found.path)
        if found.path in (b"a", b"b"):
            remove_tree(tmp_path / "b")
    assert b"b/file" not in seen


@pytest.mark.root
def test_mounts_are_not_entered(tmp_path: Path) -> None:
    """A container's merged tree would be counted again."""
    with small_disk(tmp_path / "mount", "size=2m") as mount:
        (mount / "file").write_bytes(bytes(1 << 20))
        assert paths(tmp_path) == [b"mount"]
        assert usage(tmp_path) < 1 << 20


def test_usage_counts_hard_links_once(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(bytes(100_000))
    before = usage(tmp_path)
    os.link(tmp_path / "one", tmp_path / "two")
    assert usage(tmp_path) == before >= 100_000
    assert usage(tmp_path / "none") == 0

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.engine.containers.layers import whiteout
from worker.engine.containers.changes import MAX_DEPTH, Change, changes_in
from worker.engine.disk import remove_tree

pytestmark = pytest.mark.root  # whiteouts, and attributes in the trusted namespace


class Layers:
    """An upper and two layers, base and top, to be filled."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("base", "top", "upper"):
            (root / name).mkdir()

    def file(self, layer: str, path: str, content: str = "x") -> Path:
        target = self.directory(layer, str(Path(path).parent)) / Path(path).name
        target.write_text(content)
        return target

    def directory(self, layer: str, path: str, opaque: bool = False) -> Path:
        target = self.root / layer / path
        target.mkdir(parents=True, exist_ok=True)
        if opaque:
            os.setxattr(target, "trusted.overlay.opaque", b"y")
        return target

    def whiteout(self, layer: str, path: str) -> None:
        whiteout(self.directory(layer, str(Path(path).parent)) / Path(path).name)

    def list(self, **options: int) -> list[Change]:
        return changes_in(self.root / "upper", (self.root / "base", self.root / "top"), **options)

    def short(self) -> list[tuple[str, str, str]]:
        return [(change.kind, change.path, change.type) for change in self.list()]


@pytest.fixture
def layers(tmp_path: Path) -> Layers:
    return Layers(tmp_path)


def test_nothing_changed(layers: Layers) -> None:
    layers.file("base", "a")
    assert layers.list() == []


def test_added_changed_and_removed_are_told_apart(layers: Layers) -> None:
    """A directory that only holds changes is no change itself."""
    for name in ("etc/changed", "etc/removed", "etc/same"):
        layers.file("base", name)
    layers.file("upper", "etc/changed", "more")
    layers.whiteout("upper", "etc/removed")
    layers.file("upper", "etc/new", "12345")
    layers.file("upper", "srv/deep/file")
    assert layers.short() == [
        ("changed", "/etc/changed", "file"),
        ("added", "/etc/new", "file"),
        ("removed", "/etc/removed", "file"),
        ("added", "/srv", "directory"),
        ("added", "/srv/deep", "directory"),
        ("added", "/srv/deep/file", "file"),
    ]
    assert {change.path: change.size for change in layers.list()}["/etc/new"] == 5
    assert {change.path: change.size for change in layers.list()}["/etc/removed"] == 0


def test_a_directory_whose_mode_changed_is_a_change(layers: Layers) -> None:
    layers.directory("base", "d").chmod(0o755)
    layers.directory("upper", "d").chmod(0o700)
    assert layers.short() == [("changed", "/d", "directory")]


def test_what_a_layer_had_removed_is_added_again(layers: Layers) -> None:
    """The base's file is hidden by the top layer's whiteout, by its opaque directory, by a file above it."""
    for name in ("a/f", "b/f", "c/f"):
        layers.file("base", name)
    layers.whiteout("top", "a/f")
    layers.directory("top", "b", opaque=True)
    layers.file("top", "c")
    for name in ("a/f", "b/f"):
        layers.file("upper", name)
    layers.file("upper", "c/f")
    assert layers.short() == [
        ("added", "/a/f", "file"),
        ("added", "/b/f", "file"),
        ("changed", "/c", "directory"),
        ("added", "/c/f", "file"),
    ]


def test_a_replaced_directory_lists_what_it_hides(layers: Layers) -> None:
    """Opaque: what the layers had in it is removed, what is there again is changed."""
    for name in ("d/gone", "d/again", "d/sub/x"):
        layers.file("base", name)
    layers.file("top", "d/gone-too")
    layers.whiteout("top", "d/never")
    layers.directory("upper", "d", opaque=True)
    layers.file("upper", "d/again")
    layers.file("upper", "d/new")
    assert layers.short() == [
        ("changed", "/d/again", "file"),
        ("removed", "/d/gone", "file"),
        ("removed", "/d/gone-too", "file"),
        ("added", "/d/new", "file"),
        ("removed", "/d/sub", "directory"),
    ]


def test_a_new_directory_may_be_marked_opaque_with_nothing_to_hide(layers: Layers) -> None:
    layers.directory("upper", "d", opaque=True)
    assert layers.short() == [("added", "/d", "directory")]


def test_a_whiteout_of_nothing_is_no_change(layers: Layers) -> None:
    layers.whiteout("upper", "never")
    assert layers.list() == []


def test_types_are_named(layers: Layers) -> None:
    upper = layers.root / "upper"
    (upper / "link").symlink_to("/etc/shadow")
    os.mkfifo(upper / "pipe")
    os.mknod(upper / "null", 0o20666, os.makedev(1, 3))
    assert layers.short() == [
        ("added", "/link", "symlink"),
        ("added", "/null", "character device"),
        ("added", "/pipe", "fifo"),
    ]


def test_links_are_never_followed(layers: Layers) -> None:
    """Neither in the upper, nor in a layer where the upper has a directory."""
    outside = layers.root / "outside"
    outside.mkdir()
    (outside / "secret").touch()
    (layers.root / "upper/link").symlink_to(outside)
    (layers.root / "base/was-link").symlink_to(outside)
    layers.file("upper", "was-link/secret")
    assert layers.short() == [
        ("added", "/link", "symlink"),
        ("changed", "/was-link", "directory"),
        ("added", "/was-link/secret", "file"),
    ]


def test_names_are_bytes_and_shown_as_text(layers: Layers) -> None:
    """Whatever a container names a file, the list is JSON and UTF-8, and the true name is kept."""
    upper = os.fsencode(layers.root / "upper")
    names = [b"caf\xe9", b"new\nline", "naïve".encode(), b"<b>", b"-rf", b"\x1b[31m"]
    for name in names:
        os.close(os.open(upper + b"/" + name, os.O_CREAT | os.O_WRONLY))
    found = layers.list()
    assert {change.raw_path for change in found} == {b"/" + name for name in names}
    assert {"/caf\\xe9", "/naïve"} <= {change.path for change in found}
    json.dumps([change.path for change in found], ensure_ascii=False).encode()


def test_the_list_is_bounded_and_sorted(layers: Layers) -> None:
    for number in range(300):
        layers.file("upper", f"d{number % 3}/{number:03}")
    paths = [change.path for change in layers.list()]
    assert len(paths) == 303
    assert paths == sorted(paths)
    for limit in (1, 7, 150):
        assert [change.path for change in layers.list(limit=limit)] == paths[:limit]


def test_a_bottomless_directory_is_listed_to_a_depth(layers: Layers) -> None:
    """Deeper than Python recurses or than a path may be long: no error, and the rest is left out."""
    here = os.open(layers.root / "upper", os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("deeper", dir_fd=here)
        below = os.open("deeper", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    try:
        assert len(layers.list()) == MAX_DEPTH + 1
    finally:
        remove_tree(layers.root / "upper")  # pytest's own cleaning recurses

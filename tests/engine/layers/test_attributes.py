"""Extended attributes, and what surroundings could pass on: a tree has what its layer says, and no more."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from tarfile import CHRTYPE, DIRTYPE, FIFOTYPE, SYMTYPE

import pytest

from samples.images import Entry, layer, write_tar
from tests.engine.layers.agreement import disagreements, xattrs_of
from tests.engine.layers.archives import unpack_here
from worker.engine.errors import CorruptLayer
from worker.engine.layers.extraction import Extraction

pytestmark = pytest.mark.root

CAPABILITY = bytes.fromhex("0100000200200000000000000000000000000000")
ACCESS_LIST = bytes.fromhex(  # u::rw- u:1000:r-- g::r-- m::rw- o::r--
    "0200000001000600ffffffff02000400e803000004000400ffffffff10000600ffffffff20000400ffffffff"
)
ORDINARY_LIST = bytes.fromhex("0200000001000700ffffffff04000500ffffffff20000100ffffffff")  # rwxr-x--x


@pytest.mark.parametrize("kind", [SYMTYPE, CHRTYPE, FIFOTYPE])
def test_special_files_keep_what_the_kernel_lets_them_have(tmp_path: Path, kind: bytes) -> None:
    xattrs = {
        "security.capability": CAPABILITY,
        "system.posix_acl_access": ACCESS_LIST,
        "user.note": b"no such file has one",
    }
    tree = unpack_here(
        tmp_path, write_tar([Entry("d/n", type=kind, target="t", device=(1, 3), mode=0o644, xattrs=xattrs)])
    )
    expected = {b"security.capability": CAPABILITY}
    if kind != SYMTYPE:
        expected[b"system.posix_acl_access"] = ACCESS_LIST
    assert xattrs_of(tree.root / "d/n") == tree.entries[b"d/n"].xattrs == expected
    assert b"user.note" in tree.done.left_out
    assert disagreements(tree.root, tree.entries.values()) == []


def test_the_working_directory_stays(tmp_path: Path) -> None:
    """Setting attributes of links goes through it, for want of another call."""
    before = Path.cwd()
    entry = Entry("d/l", type=SYMTYPE, target="t", xattrs={"security.capability": CAPABILITY})
    unpack_here(tmp_path, write_tar([entry]))
    assert Path.cwd() == before


def test_an_access_list_rules_the_mode(tmp_path: Path) -> None:
    """The mask in it is what stat shows as the group's bits: the index tells the same."""
    xattrs = {"system.posix_acl_access": ACCESS_LIST}
    entries = [Entry("f", mode=0o604, xattrs=xattrs), Entry("d", type=DIRTYPE, mode=0o700, xattrs=xattrs)]
    tree = unpack_here(tmp_path, write_tar(entries))
    assert tree.entries[b"f"].mode == tree.entries[b"d"].mode == 0o664
    assert disagreements(tree.root, tree.entries.values()) == []


def test_an_access_list_that_says_no_more_than_a_mode_becomes_one(tmp_path: Path) -> None:
    entry = Entry("f", mode=0o600, xattrs={"system.posix_acl_access": ORDINARY_LIST})
    tree = unpack_here(tmp_path, write_tar([entry]))
    assert (tree.entries[b"f"].mode, tree.entries[b"f"].xattrs) == (0o751, {})


def test_what_a_directory_hands_down_is_not_handed_down(tmp_path: Path) -> None:
    """Neither by a layer's own default list nor by its set-group-ID bit: each entry says what it is."""
    entries = [
        Entry("d", type=DIRTYPE, mode=0o2775, gid=70, xattrs={"system.posix_acl_default": ACCESS_LIST}),
        Entry("d/implied/f", b"x", mode=0o640),
        Entry("d/own", type=DIRTYPE, mode=0o700),
    ]
    tree = unpack_here(tmp_path, write_tar(entries))
    found = [(tree.root / "d" / name).stat() for name in ("implied", "implied/f", "own")]
    assert [(stat.S_IMODE(status.st_mode), status.st_gid) for status in found] == [
        (0o755, 0),
        (0o640, 0),
        (0o700, 0),
    ]
    assert disagreements(tree.root, tree.entries.values()) == []


def test_neither_is_what_stands_around_the_tree(tmp_path: Path) -> None:
    """A store in a set-group-ID directory, or one with a default list, changes no layer."""
    os.setxattr(tmp_path, "system.posix_acl_default", ACCESS_LIST)
    os.chown(tmp_path, 0, 70)
    tmp_path.chmod(0o2775)
    tree = unpack_here(tmp_path, layer({"a/b": b"x"}, dirs=["c"], symlinks={"l": "a"}).blob)
    assert [xattrs_of(path) for path in tree.root.rglob("*")] == [{}] * 4
    assert {path.lstat().st_gid for path in tree.root.rglob("*")} == {0}
    assert disagreements(tree.root, tree.entries.values()) == []


@pytest.mark.parametrize("kind", [b"0", DIRTYPE])
@pytest.mark.parametrize(("name", "value"), [("user." + "n" * 300, b"x"), ("user.note", bytes(100_000))])
def test_attributes_that_no_system_takes_are_refused(
    tmp_path: Path, kind: bytes, name: str, value: bytes
) -> None:
    with pytest.raises(CorruptLayer, match="impossible"):
        unpack_here(tmp_path, write_tar([Entry("d", type=kind, xattrs={name: value})]))


def test_the_jail_lets_them_be_set_and_tells_what_was_left_out(tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    xattrs = {"security.capability": CAPABILITY, "security.selinux": b"label", "trusted.note": b"x"}
    entries = [Entry("l", type=SYMTYPE, target="t", xattrs=xattrs), Entry("f", xattrs=xattrs)]
    with Extraction(tmp_path / "tree", tmp_path / "index") as extraction:
        extraction.feed(write_tar(entries))
        done = extraction.finish(lambda: None)
    assert done.left_out == (b"security.selinux", b"trusted.note")
    for name in ("l", "f"):
        assert xattrs_of(tmp_path / "tree" / name) == {b"security.capability": CAPABILITY}


def test_more_opaque_directories_than_fit_a_report_are_marked_too(tmp_path: Path) -> None:
    """Their names are read from the index then; each gets its mark."""
    (tmp_path / "tree").mkdir()
    names = [f"{at:03}{'long' * 60}" for at in range(1200)]
    with Extraction(tmp_path / "tree", tmp_path / "index") as extraction:
        extraction.feed(write_tar([Entry(f"{name}/.wh..wh..opq") for name in names]))
        extraction.finish(lambda: None)
    marked = [os.getxattr(tmp_path / "tree" / name, "trusted.overlay.opaque") for name in names]
    assert marked == [b"y"] * 1200

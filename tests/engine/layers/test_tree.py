"""Writing the tree: exact attributes, OverlayFS form, and no way out, by this code alone, without a jail."""

from __future__ import annotations

import hashlib
import os
import stat
import tarfile
from pathlib import Path

import pytest

from samples.images import Entry, directory, hardlink, layer, symlink, whiteout, write_tar
from tests.engine.layers.archives import END, file, unpack_here
from worker.engine.layers import EntryType

pytestmark = pytest.mark.root

SECOND = 10**9


def test_files_get_their_exact_attributes(tmp_path: Path) -> None:
    content = b"#!/bin/sh\n" * 300_000
    tar = write_tar(
        [
            Entry("bin/su", content, mode=0o4755, uid=0, gid=0, mtime=1_600_000_000.25),
            Entry("bin/other", b"", mode=0o2711, uid=1234, gid=70000, mtime=1),
            Entry("bin/none", b"secret", mode=0o000),
        ]
    )
    tree = unpack_here(tmp_path, tar)
    found = (tree.root / "bin/su").lstat()
    assert stat.S_ISREG(found.st_mode)
    assert (stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid) == (0o4755, 0, 0)
    assert found.st_mtime_ns == 1_600_000_000_250_000_000
    assert (tree.root / "bin/su").read_bytes() == content
    other = (tree.root / "bin/other").lstat()
    assert (stat.S_IMODE(other.st_mode), other.st_uid, other.st_gid) == (0o2711, 1234, 70000)
    assert stat.S_IMODE((tree.root / "bin/none").lstat().st_mode) == 0
    entry = tree.entries[b"bin/su"]
    assert (entry.type, entry.size, entry.mode) == (EntryType.FILE, len(content), 0o4755)
    assert entry.sha256 == hashlib.sha256(content).digest()
    assert tree.done.content_size == len(content) + 6
    assert tree.done.unpacked_size == len(tar)
    assert tree.done.diff_id == hashlib.sha256(tar).hexdigest()


def test_directories_get_their_attributes_although_they_are_filled_later(tmp_path: Path) -> None:
    entries = [
        Entry("d", type=tarfile.DIRTYPE, mode=0o2750, uid=5, gid=6, mtime=1000),
        Entry("d/closed", type=tarfile.DIRTYPE, mode=0o000, mtime=2000),
        Entry("d/closed/file", b"x"),
        Entry("tmp", type=tarfile.DIRTYPE, mode=0o1777, mtime=3000),
        Entry("tmp/file", b"x", gid=9),
    ]
    tree = unpack_here(tmp_path, write_tar(entries))
    for path, mode, uid, gid, mtime in [
        ("d", 0o2750, 5, 6, 1000),
        ("d/closed", 0o000, 0, 0, 2000),
        ("tmp", 0o1777, 0, 0, 3000),
    ]:
        found = (tree.root / path).lstat()
        assert stat.S_IMODE(found.st_mode) == mode
        assert (found.st_uid, found.st_gid, found.st_mtime_ns) == (uid, gid, mtime * SECOND)
    # A set-group-ID directory is not inherited from while the tree is written.
    assert (tree.root / "d/closed/file").lstat().st_gid == 0


def test_the_root_has_attributes_too(tmp_path: Path) -> None:
    tree = unpack_here(tmp_path, write_tar([Entry("./", type=tarfile.DIRTYPE, mode=0o700, uid=7, mtime=42)]))
    found = tree.root.lstat()
    assert (stat.S_IMODE(found.st_mode), found.st_uid, found.st_mtime_ns) == (0o700, 7, 42 * SECOND)
    assert tree.entries[b""].mode == 0o700


def test_links_are_kept_as_they_are(tmp_path: Path) -> None:
    entries = [
        Entry("a", b"shared", mtime=50),
        hardlink("b", "a"),
        hardlink("c", "/a"),
        Entry("s", type=tarfile.SYMTYPE, target="/../../outside", uid=3, gid=4, mtime=60),
        hardlink("s2", "s"),
    ]
    tree = unpack_here(tmp_path, write_tar(entries))
    assert len({(tree.root / name).lstat().st_ino for name in "abc"}) == 1
    assert (tree.root / "a").lstat().st_mtime_ns == 50 * SECOND
    assert str((tree.root / "s").readlink()) == "/../../outside"
    found = (tree.root / "s2").lstat()
    assert (found.st_ino, found.st_uid, found.st_gid) == ((tree.root / "s").lstat().st_ino, 3, 4)
    assert found.st_mtime_ns == 60 * SECOND
    assert (tree.entries[b"c"].type, tree.entries[b"c"].link) == (EntryType.HARDLINK, b"a")
    assert tree.entries[b"s"].link == b"/../../outside"


def test_devices_and_fifos(tmp_path: Path) -> None:
    entries = [
        Entry("null", type=tarfile.CHRTYPE, device=(1, 3), mode=0o666, uid=1),
        Entry("disk", type=tarfile.BLKTYPE, device=(7, 300), mode=0o660, gid=6),
        Entry("fifo", type=tarfile.FIFOTYPE, mode=0o600, mtime=70),
    ]
    tree = unpack_here(tmp_path, write_tar(entries))
    null, disk, fifo = ((tree.root / name).lstat() for name in ("null", "disk", "fifo"))
    assert (stat.S_ISCHR(null.st_mode), null.st_rdev, null.st_uid) == (True, os.makedev(1, 3), 1)
    assert stat.S_IMODE(null.st_mode) == 0o666
    assert (stat.S_ISBLK(disk.st_mode), disk.st_rdev, disk.st_gid) == (True, os.makedev(7, 300), 6)
    assert (stat.S_ISFIFO(fifo.st_mode), fifo.st_mtime_ns) == (True, 70 * SECOND)
    assert tree.entries[b"disk"].device == (7, 300)


def test_names_need_not_be_text(tmp_path: Path) -> None:
    tree = unpack_here(tmp_path, file(b"caf\xe9/\xff\xfe") + END)
    assert [os.fsencode(path.name) for path in tree.root.iterdir()] == [b"caf\xe9"]
    assert tree.entries[b"caf\xe9/\xff\xfe"].type is EntryType.FILE


def test_whiteouts_become_devices_and_opaque_directories_are_reported(tmp_path: Path) -> None:
    sample = layer(dirs=["etc"], whiteouts=["var/cache", "gone"], opaque=["etc"])
    tree = unpack_here(tmp_path, sample.blob)
    for path in ("var/cache", "gone"):
        found = (tree.root / path).lstat()
        assert stat.S_ISCHR(found.st_mode)
        assert found.st_rdev == 0
    assert tree.names() == {"etc", "var", "var/cache", "gone"}
    assert tree.done.opaque == [b"etc"]
    assert tree.entries[b"gone"].type is EntryType.WHITEOUT


def test_file_capabilities_are_kept_and_overlay_marks_are_not(tmp_path: Path) -> None:
    capability = bytes.fromhex("0100000200200000000000000000000000000000")
    entries = [
        Entry("ping", b"x", uid=5, xattrs={"security.capability": capability, "user.note": b"hello"}),
        Entry("d", type=tarfile.DIRTYPE, xattrs={"trusted.overlay.opaque": b"y", "user.kind": b"d"}),
        Entry("f", b"x", xattrs={"trusted.overlay.redirect": b"/etc", "user.overlay.opaque": b"y"}),
    ]
    tree = unpack_here(tmp_path, write_tar(entries))
    assert os.getxattr(tree.root / "ping", "security.capability") == capability
    assert os.getxattr(tree.root / "ping", "user.note") == b"hello"
    assert os.listxattr(tree.root / "d") == ["user.kind"]
    assert os.listxattr(tree.root / "f") == []
    assert tree.entries[b"ping"].xattrs == {b"security.capability": capability, b"user.note": b"hello"}
    assert tree.entries[b"f"].xattrs == {}


def test_missing_directories_are_made_and_marked_as_implied(tmp_path: Path) -> None:
    tree = unpack_here(tmp_path, layer({"a/b/c": b"x"}).blob)
    assert tree.entries[b"a/b"].type is EntryType.IMPLIED
    assert stat.S_IMODE((tree.root / "a/b").lstat().st_mode) == 0o755
    assert (tree.root / "a").lstat().st_mtime_ns == 0


def test_the_implied_directories_are_listed_unless_they_are_many(tmp_path: Path) -> None:
    assert unpack_here(tmp_path, layer({"a/b/c": b"x"}, dirs=["a"]).blob).done.implied == [b"", b"a/b"]
    (tmp_path / "many").mkdir()
    entries = [Entry(f"{at}{'long' * 50}/f") for at in range(2000)]
    assert unpack_here(tmp_path / "many", write_tar(entries)).done.implied is None


def test_an_opaque_mark_leaves_a_directory_implied(tmp_path: Path) -> None:
    """The mark is about what is in the directory, not about itself."""
    tree = unpack_here(tmp_path, layer({"d/f": b"x"}, opaque=["d"]).blob)
    assert tree.entries[b"d"].type is EntryType.IMPLIED
    assert (tree.done.opaque, tree.done.implied) == ([b"d"], [b"", b"d"])


def test_an_implied_directory_may_be_described_later(tmp_path: Path) -> None:
    entries = [Entry("a/f", b"x"), Entry("a", type=tarfile.DIRTYPE, mode=0o1700, uid=8, mtime=9)]
    tree = unpack_here(tmp_path, write_tar(entries))
    found = (tree.root / "a").lstat()
    assert (stat.S_IMODE(found.st_mode), found.st_uid, found.st_mtime_ns) == (0o1700, 8, 9 * SECOND)
    assert tree.entries[b"a"].type is EntryType.DIRECTORY


class TestLaterEntriesReplaceEarlierOnes:
    """What umoci, moby and containerd do; and the index tells the end, not the way to it."""

    def test_a_file_by_a_file(self, tmp_path: Path) -> None:
        tree = unpack_here(tmp_path, write_tar([Entry("f", b"old"), Entry("f", b"newer", mode=0o600)]))
        assert (tree.root / "f").read_bytes() == b"newer"
        assert tree.entries[b"f"].sha256 == hashlib.sha256(b"newer").digest()
        assert tree.done.content_size == 5

    def test_a_directory_by_a_file(self, tmp_path: Path) -> None:
        entries = [directory("d"), Entry("d/x/y", b"1"), whiteout("d/x/z"), Entry("d", b"file")]
        tree = unpack_here(tmp_path, write_tar(entries))
        assert tree.names() == {"d"}
        assert set(tree.entries) == {b"", b"d"}

    def test_a_file_by_a_directory_which_hides_what_is_below(self, tmp_path: Path) -> None:
        tree = unpack_here(tmp_path, write_tar([Entry("d", b"file"), directory("d"), Entry("d/x", b"1")]))
        assert tree.names() == {"d", "d/x"}
        assert tree.done.opaque == [b"d"]

    def test_a_directory_by_itself_keeps_its_content(self, tmp_path: Path) -> None:
        entries = [directory("d"), Entry("d/x", b"1"), directory("d", mode=0o700)]
        tree = unpack_here(tmp_path, write_tar(entries))
        assert (tree.root / "d/x").read_bytes() == b"1"
        assert stat.S_IMODE((tree.root / "d").lstat().st_mode) == 0o700

    def test_a_link_by_a_directory(self, tmp_path: Path) -> None:
        """The directory takes the link's place; it is not made where the link leads."""
        entries = [directory("real"), symlink("d", "real"), directory("d"), Entry("d/x", b"1")]
        tree = unpack_here(tmp_path, write_tar(entries))
        assert not (tree.root / "d").is_symlink()
        assert tree.names() == {"real", "d", "d/x"}

    def test_a_link_by_a_file(self, tmp_path: Path) -> None:
        tree = unpack_here(tmp_path, write_tar([Entry("t", b"t"), symlink("l", "t"), Entry("l", b"new")]))
        assert (tree.root / "t").read_bytes() == b"t"
        assert (tree.root / "l").read_bytes() == b"new"

    def test_a_file_with_hard_links(self, tmp_path: Path) -> None:
        """The other names keep the old content, and in the index the first of them owns it."""
        entries = [Entry("a", b"old"), hardlink("b", "a"), hardlink("c", "a"), Entry("a", b"new!")]
        tree = unpack_here(tmp_path, write_tar(entries))
        assert [(tree.root / name).read_bytes() for name in "abc"] == [b"new!", b"old", b"old"]
        assert tree.entries[b"b"].sha256 == hashlib.sha256(b"old").digest()
        assert (tree.entries[b"c"].type, tree.entries[b"c"].link) == (EntryType.HARDLINK, b"b")
        assert tree.done.content_size == 7

    def test_anything_by_a_hard_link(self, tmp_path: Path) -> None:
        entries = [Entry("a", b"1"), directory("b"), Entry("b/x", b"2"), hardlink("b", "a")]
        tree = unpack_here(tmp_path, write_tar(entries))
        assert (tree.root / "b").lstat().st_ino == (tree.root / "a").lstat().st_ino

    def test_a_hard_link_to_itself_changes_nothing(self, tmp_path: Path) -> None:
        tree = unpack_here(tmp_path, write_tar([Entry("a", b"1"), hardlink("a", "a")]))
        assert (tree.root / "a").read_bytes() == b"1"


class TestWhiteoutsMeetEntriesOfTheirOwnLayer:
    """They concern the layers below only, whatever the order."""

    @pytest.mark.parametrize("swap", [False, True])
    def test_a_file(self, tmp_path: Path, swap: bool) -> None:
        entries = [whiteout("f"), Entry("f", b"new")]
        tree = unpack_here(tmp_path, write_tar(entries[::-1] if swap else entries))
        assert (tree.root / "f").read_bytes() == b"new"
        assert set(tree.entries) == {b"", b"f"}

    @pytest.mark.parametrize("swap", [False, True])
    def test_a_directory_becomes_opaque(self, tmp_path: Path, swap: bool) -> None:
        entries = [whiteout("d"), Entry("d", type=tarfile.DIRTYPE, mode=0o700)]
        tree = unpack_here(tmp_path, write_tar(entries[::-1] if swap else entries))
        assert stat.S_IMODE((tree.root / "d").lstat().st_mode) == 0o700
        assert tree.done.opaque == [b"d"]

    @pytest.mark.parametrize("swap", [False, True])
    def test_a_directory_that_is_only_implied(self, tmp_path: Path, swap: bool) -> None:
        """It is a new one, with attributes of its own: those of what was deleted say nothing of it."""
        entries = [whiteout("d"), Entry("d/f", b"x")]
        tree = unpack_here(tmp_path, write_tar(entries[::-1] if swap else entries))
        assert tree.names() == {"d", "d/f"}
        assert tree.done.opaque == [b"d"]
        assert tree.entries[b"d"].type is EntryType.DIRECTORY
        assert tree.done.implied == [b""]

    def test_the_same_one_twice(self, tmp_path: Path) -> None:
        tree = unpack_here(tmp_path, write_tar([whiteout("f"), whiteout("f")]))
        assert tree.entries[b"f"].type is EntryType.WHITEOUT

"""Whatever a layer says, nothing is read or written outside of its tree."""

from __future__ import annotations

import stat
import tarfile
from pathlib import Path

import pytest

from samples.images import Entry, directory, hardlink, layer, symlink, whiteout, write_tar
from tests.engine.layers.archives import END, file, header, pax, unpack_here
from worker.engine.errors import CorruptLayer, UnsafeLayer
from worker.engine.layers import EntryType

pytestmark = pytest.mark.root


class TestLinksOfTheLayerItselfAreFollowedInsideTheTree:
    """``lib -> usr/lib`` and then ``lib/x``: what tars of merged-/usr systems do."""

    @pytest.mark.parametrize(
        ("target", "lands"),
        [
            ("usr/lib", "usr/lib/x"),
            ("/usr/lib", "usr/lib/x"),
            ("../../usr/lib", "usr/lib/x"),
            ("missing/deep", "missing/deep/x"),
            (".", "x"),
            ("/", "x"),
        ],
    )
    def test_where_an_entry_behind_a_link_lands(self, tmp_path: Path, target: str, lands: str) -> None:
        entries = [directory("usr"), directory("usr/lib"), symlink("lib", target), Entry("lib/x", b"1")]
        tree = unpack_here(tmp_path, write_tar(entries))
        assert (tree.root / "lib").is_symlink()
        assert tree.entries[lands.encode()].type is EntryType.FILE
        assert (tree.root / lands).read_bytes() == b"1"

    def test_chains_of_links(self, tmp_path: Path) -> None:
        entries = [symlink("a", "b"), symlink("b", "c/../d"), directory("c"), Entry("a/x", b"1")]
        tree = unpack_here(tmp_path, write_tar(entries))
        assert (tree.root / "d/x").read_bytes() == b"1"

    def test_a_link_that_is_replaced_leads_nowhere_any_more(self, tmp_path: Path) -> None:
        """What was reached through it is not remembered."""
        entries = [symlink("a", "b"), Entry("a/x", b"1"), directory("a"), Entry("a/y", b"2")]
        tree = unpack_here(tmp_path, write_tar(entries))
        assert tree.names() == {"a", "a/y", "b", "b/x"}


class TestNothingLeavesTheTree:
    """Each of these tries to write beside the tree; a file that stands there must stay as it is."""

    @pytest.mark.parametrize("target", ["..", "/..", "../..", "a/../..", "{outside}"])
    def test_through_a_link(self, tmp_path: Path, target: str) -> None:
        outside = tmp_path / "outside"
        outside.write_text("untouched")
        target = target.format(outside=tmp_path)
        entries = [symlink("l", target), Entry("l/outside", b"overwritten"), Entry("l/l/new", b"x")]
        unpack_here(tmp_path, write_tar(entries))
        assert outside.read_text() == "untouched"
        assert {path.name for path in tmp_path.iterdir()} == {"outside", "tree", "index"}

    def test_through_a_hard_link_to_a_link(self, tmp_path: Path) -> None:
        (tmp_path / "outside").write_text("untouched")
        entries = [symlink("l", "../outside"), hardlink("h", "l"), Entry("h", b"overwritten")]
        tree = unpack_here(tmp_path, write_tar(entries))
        assert (tmp_path / "outside").read_text() == "untouched"
        assert (tree.root / "h").read_bytes() == b"overwritten"

    def test_hard_links_to_outside_find_nothing(self, tmp_path: Path) -> None:
        (tmp_path / "outside").write_text("secret")
        entries = [symlink("l", ".."), hardlink("h", "l/outside")]
        with pytest.raises(CorruptLayer, match="does not hold"):
            unpack_here(tmp_path, write_tar(entries))
        assert (tmp_path / "outside").stat().st_nlink == 1

    def test_attributes_of_what_a_link_points_to_are_not_touched(self, tmp_path: Path) -> None:
        (tmp_path / "outside").write_text("untouched")
        (tmp_path / "outside").chmod(0o600)
        entries = [Entry("l", type=tarfile.SYMTYPE, target="../outside", mode=0o777, uid=9, mtime=1)]
        unpack_here(tmp_path, write_tar(entries))
        found = (tmp_path / "outside").stat()
        assert (stat.S_IMODE(found.st_mode), found.st_uid) == (0o600, 0)
        assert found.st_mtime > 1000

    def test_whiteouts_through_a_link(self, tmp_path: Path) -> None:
        (tmp_path / "outside").write_text("untouched")
        unpack_here(tmp_path, write_tar([symlink("l", ".."), whiteout("l/outside")]))
        assert (tmp_path / "outside").read_text() == "untouched"

    @pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.CHRTYPE, tarfile.LNKTYPE])
    def test_the_root_cannot_be_replaced(self, tmp_path: Path, kind: bytes) -> None:
        with pytest.raises(UnsafeLayer, match="root"):
            unpack_here(tmp_path, write_tar([Entry("./", type=kind, target="/etc")]))


@pytest.mark.parametrize(
    ("archive", "why"),
    [
        (write_tar([symlink("a", "b"), symlink("b", "a"), Entry("a/x", b"")]), "loop"),
        (write_tar([Entry("f", b""), Entry("f/x", b"")]), "no directory"),
        (write_tar([Entry("dev", type=tarfile.CHRTYPE, device=(1, 3)), Entry("dev/x", b"")]), "no directory"),
        (write_tar([hardlink("h", "missing")]), "does not hold"),
        (write_tar([hardlink("h", "missing/deep")]), "does not hold"),
        (write_tar([hardlink("h", "later"), Entry("later", b"")]), "does not hold"),
        (write_tar([directory("d"), hardlink("h", "d")]), "does not hold"),
        (write_tar([whiteout("w"), hardlink("h", "w")]), "does not hold"),
        (write_tar([directory("d"), Entry("d/f", b""), hardlink("d", "d/f")]), "does not hold"),
        (header(b"s", b"2") + END, "without a valid target"),
        (header(b"x" * 100, prefix=b"y" * 155) + file(b"d/" + b"z" * 90, prefix=b"q" * 155) + END, None),
        (pax({b"path": b"n" * 256}) + header() + END, "impossible entry"),
        (pax({b"uid": b"4294967295"}) + header() + END, "impossible owner"),
        (pax({b"mtime": b"9223372037"}) + header() + END, "impossible time"),
        (write_tar([Entry(".wh.", b"")]), "whiteout of nothing"),
    ],
)
def test_what_cannot_exist_is_refused(tmp_path: Path, archive: bytes, why: str | None) -> None:
    if why is None:
        unpack_here(tmp_path, archive)
        return
    with pytest.raises(CorruptLayer, match=why):
        unpack_here(tmp_path, archive)


@pytest.mark.parametrize(
    "archive",
    [
        write_tar([Entry("../evil", b"x")]),
        write_tar([Entry("a/../../evil", b"x")]),
        write_tar([Entry("a", b"x"), hardlink("h", "../a")]),
        write_tar([Entry(".wh...", b"")]),
        write_tar([Entry("w", type=tarfile.CHRTYPE, device=(0, 0))]),
    ],
    ids=["dot-dot", "inner dot-dot", "hard link out", "whiteout of the parent", "a whiteout in disguise"],
)
def test_what_would_leave_the_tree_is_refused(tmp_path: Path, archive: bytes) -> None:
    with pytest.raises(UnsafeLayer):
        unpack_here(tmp_path, archive)
    assert {path.name for path in tmp_path.iterdir()} <= {"tree", "index"}


def test_absolute_names_are_taken_from_the_root(tmp_path: Path) -> None:
    tree = unpack_here(tmp_path, file(b"/etc/motd", b"hi") + END)
    assert (tree.root / "etc/motd").read_bytes() == b"hi"


def test_directories_in_use_stay_open(tmp_path: Path) -> None:
    """Links between directories reached long ago, while hundreds of others came and went."""
    entries = [Entry("first/f", b"1")]
    for at in range(200):
        entries += [
            Entry(f"d{at}/f", b"2"),
            hardlink(f"first/l{at}", f"d{at}/f"),
            hardlink(f"d{at}/l", "first/f"),
        ]
    tree = unpack_here(tmp_path, write_tar(entries))
    for at in range(200):
        assert (tree.root / f"first/l{at}").read_bytes() == b"2"
        assert (tree.root / f"d{at}/l").read_bytes() == b"1"


def test_hundreds_of_directories_need_few_open_files(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    tree = unpack_here(tmp_path, layer({f"d{at}/e/f": b"" for at in range(300)}).blob)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert tree.done.entries == 901

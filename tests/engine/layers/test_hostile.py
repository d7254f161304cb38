"""What the archives of other engines' test suites try: extracted as the image spec says, or refused.

Each archive is one attack, or one oddity; what should come of it stands beside it. Everything is extracted by
the code alone, without the jail, beside a file that must stay as it is.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from tarfile import BLKTYPE, CHRTYPE, DIRTYPE, FIFOTYPE, LNKTYPE, SYMTYPE

import pytest

from samples.images import Entry, directory, hardlink, symlink, whiteout, write_tar
from tests.engine.layers.agreement import disagreements
from tests.engine.layers.archives import END, Tree, file, gnu_long, header, pax, unpack_here
from worker.engine.disk import remove_tree
from worker.engine.errors import ContentError, CorruptLayer, UnsafeLayer

pytestmark = pytest.mark.root

PASSWD = [directory("etc"), Entry("/etc/passwd", b"inside")]


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Path]:
    """A place for a tree, in which names that lead out would find something."""
    for name in ("passwd", "etc/passwd"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("untouched")
    yield tmp_path
    remove_tree(tmp_path / "tree")  # some are deeper than others can remove


def extracted(place: Path, archive: bytes) -> Tree:
    """Extract; whatever the archive, the index tells the tree, and what is beside it stays as it was."""
    tree = unpack_here(place, archive)
    assert disagreements(tree.root, tree.entries.values()) == []
    assert (place / "passwd").read_text() == (place / "etc/passwd").read_text() == "untouched"
    return tree


def content(tree: Tree) -> dict[str, str]:
    """The tree as paths with their content: a file's, a link's target, the letter of any other type."""
    found = {}
    for path in sorted(tree.root.rglob("*")):
        mode = path.lstat().st_mode
        if stat.S_ISREG(mode):
            text = path.read_text()
        else:
            text = "-> " + str(path.readlink()) if stat.S_ISLNK(mode) else stat.filemode(mode)[0]
        found[str(path.relative_to(tree.root))] = text
    return found


@pytest.mark.parametrize(
    ("entries", "path", "text"),
    [
        ([*PASSWD, symlink("l", "/etc"), Entry("/l/new", b"x")], "etc/new", "x"),
        ([*PASSWD, directory("d"), symlink("l", "/d/../etc"), Entry("l/new", b"x")], "etc/new", "x"),
        ([*PASSWD, symlink("d", "/etc"), symlink("l", "/d"), Entry("l/new", b"x")], "etc/new", "x"),
        ([*PASSWD, symlink("d", "/etc"), symlink("l", "./d"), Entry("l/new", b"x")], "etc/new", "x"),
        ([*PASSWD, symlink("l", "/etc"), Entry("l/passwd", b"")], "etc/passwd", ""),
        ([*PASSWD, symlink("d/l", "../../etc"), hardlink("h", "/d/l/passwd")], "h", "inside"),
        ([*PASSWD, directory("u"), symlink("l", "u/../../etc"), hardlink("h", "l/passwd")], "h", "inside"),
        ([*PASSWD, symlink("l", "../" * 9 + "etc"), hardlink("h", "/l/passwd")], "h", "inside"),
        ([*PASSWD, hardlink("h", "/etc/passwd")], "h", "inside"),
        ([*PASSWD, symlink("l/sub/..", "/etc"), hardlink("/l/h", "/etc/passwd")], "etc/h", "inside"),
        ([*PASSWD, Entry("l/old"), symlink("l", "/etc"), hardlink("/l/h", "etc/passwd")], "etc/h", "inside"),
        ([*PASSWD, symlink("l", "/etc"), directory("/l/"), hardlink("/l/h", "etc/passwd")], "l/h", "inside"),
        ([*PASSWD, symlink("l", "/etc"), directory("l"), Entry("l/passwd", b"x")], "etc/passwd", "inside"),
        ([Entry("f/t", b"1"), symlink("f", "/"), Entry("f/t", b"2"), Entry("f/f/t", b"3")], "t", "3"),
        ([*PASSWD, symlink("l", "passwd"), hardlink("h", "l"), Entry("passwd", b"x")], "h", "-> passwd"),
        ([*PASSWD, symlink("l", "/etc/passwd"), Entry("l", b"x")], "etc/passwd", "inside"),
        ([*PASSWD, symlink("l", "/etc"), whiteout("l/passwd")], "etc/passwd", "inside"),
        ([*PASSWD, symlink("l", "/etc"), whiteout("l")], "l", "-> /etc"),
        ([*PASSWD, symlink("l", "/etc"), whiteout("l/gone")], "etc/gone", "c"),
        ([symlink("l", "/none"), whiteout("l/gone")], "none/gone", "c"),
        ([*PASSWD, Entry("none/../.wh.gone")], "gone", "c"),
        ([Entry("a/../../tree/x", b"")], None, "outside of its tree"),
        ([Entry("/../x", b"")], None, "outside of its tree"),
        ([*PASSWD, hardlink("h", "../../etc/passwd")], None, "outside of its tree"),
        ([symlink("..", "/etc")], None, "outside of its tree"),
        ([symlink("", "/etc")], None, "root"),
        ([symlink(".", "/etc")], None, "root"),
        ([Entry("etc/..", type=SYMTYPE, target="/")], None, "root"),
        ([symlink("l", "l"), Entry("l/x")], None, "loop"),
        ([symlink("a", "b/c"), symlink("b", "a"), Entry("a/x")], None, "loop"),
        ([symlink("a", "b"), symlink("b", "a"), hardlink("h", "a/x")], None, "loop"),
        ([Entry(".wh...")], None, "leads out"),
        ([Entry("etc/.wh...")], None, "leads out"),
        ([Entry(".wh..")], None, "leads out"),
        ([Entry("etc/.wh..")], None, "leads out"),
        ([Entry(".wh.")], None, "whiteout of nothing"),
        ([Entry("etc/.wh.")], None, "whiteout of nothing"),
        ([Entry(".wh.etc/f", b"x")], None, "inside of a whiteout"),
        ([Entry("f", b""), Entry("f/.wh..wh..opq")], None, "no directory"),
        ([hardlink("h", ".wh..wh.plnk/1")], None, "does not hold"),
        ([symlink("l", "passwd"), hardlink("h", "l/x")], None, "does not hold"),
        ([Entry("n", type=CHRTYPE, device=(0, 0))], None, "deletion mark"),
    ],
)
def test_names_and_links(outside: Path, entries: list[Entry], path: str | None, text: str) -> None:
    """``path`` holds ``text`` in the end; or it is refused, with ``text`` for the reason."""
    if path is not None:
        assert content(extracted(outside, write_tar(entries)))[path] == text
        return
    with pytest.raises(ContentError, match=text):
        extracted(outside, write_tar(entries))
    assert {path.name for path in outside.iterdir()} == {"etc", "passwd", "tree", "index"}


@pytest.mark.parametrize("kind", [b"0", DIRTYPE, SYMTYPE, LNKTYPE, CHRTYPE, FIFOTYPE])
def test_a_whiteout_may_be_of_any_type(outside: Path, kind: bytes) -> None:
    """The spec speaks of its name alone."""
    entries = [Entry("d/.wh.x", type=kind, target="nowhere"), Entry("d/.wh..wh..opq", type=kind, target="no")]
    tree = extracted(outside, write_tar(entries))
    assert (content(tree), tree.done.opaque) == ({"d": "d"}, [b"d"])
    (outside / "again").mkdir()
    assert content(unpack_here(outside / "again", write_tar(entries[:1]))) == {"d": "d", "d/x": "c"}


class TestWhiteoutsInAnOpaqueDirectory:
    """Nothing from below is seen in it. OverlayFS would show the mark itself, as a name without a file."""

    @pytest.mark.parametrize("swap", [False, True])
    def test_are_not_written(self, outside: Path, swap: bool) -> None:
        entries = [whiteout("d/x"), Entry("d/.wh..wh..opq"), Entry("d/y", b"")]
        tree = extracted(outside, write_tar(entries[::-1] if swap else entries))
        assert (content(tree), tree.done.opaque) == ({"d": "d", "d/y": ""}, [b"d"])

    def test_nor_further_down(self, outside: Path) -> None:
        tree = extracted(outside, write_tar([Entry("a/.wh..wh..opq"), whiteout("a/b/c/x"), whiteout("ab/x")]))
        assert content(tree) == {"a": "d", "a/b": "d", "a/b/c": "d", "ab": "d", "ab/x": "c"}

    def test_also_where_it_became_opaque_by_being_replaced(self, outside: Path) -> None:
        tree = extracted(
            outside, write_tar([Entry("d", b""), directory("d"), whiteout("d/x"), whiteout("x")])
        )
        assert content(tree) == {"d": "d", "x": "c"}

    def test_and_the_directory_keeps_its_time(self, outside: Path) -> None:
        entries = [directory("d"), whiteout("d/x"), Entry("d/.wh..wh..opq")]
        assert extracted(outside, write_tar(entries)).root.joinpath("d").stat().st_mtime == 1767225600


class TestWhatAufsLeftBehind:
    """In images of Docker's first years."""

    def test_its_bookkeeping_is_no_part_of_the_layer(self, outside: Path) -> None:
        names = [".wh..wh.aufs", ".wh..wh.orph/1", ".wh..wh.plnk/2", "d/.wh..wh.plnk/3"]
        tree = extracted(outside, write_tar([*(Entry(name, b"x") for name in names), Entry("f", b"")]))
        assert content(tree) == {"f": ""}

    def test_files_with_several_names_come_out_of_it(self, outside: Path) -> None:
        """It kept them aside, and wrote hard links to there."""
        entries = [
            directory(".wh..wh.plnk"),
            Entry(".wh..wh.plnk/123.45", b"shared", mode=0o750, uid=7, mtime=9),
            hardlink("a", ".wh..wh.plnk/123.45"),
            hardlink("d/b", "/.wh..wh.plnk/123.45"),
        ]
        tree = extracted(outside, write_tar(entries))
        assert content(tree) == {"a": "shared", "d": "d", "d/b": "shared"}
        assert (tree.root / "a").stat().st_nlink == 2
        assert (tree.entries[b"a"].size, tree.entries[b"a"].uid, tree.entries[b"d/b"].link) == (6, 7, b"a")


@pytest.mark.parametrize("first", ["file", "dir", "full", "link", "hard", "pipe", "dev", "gone"])
@pytest.mark.parametrize("then", ["file", "dir", "full", "link", "hard", "pipe", "dev", "gone"])
def test_a_path_that_comes_twice(outside: Path, first: str, then: str) -> None:
    """Of any two types: the later one stands, but for whiteouts, which are about the layers below."""
    kinds = {
        "file": [Entry("p", b"file")],
        "dir": [directory("p")],
        "full": [directory("p"), Entry("p/inner/x", b"x")],
        "link": [symlink("p", "elsewhere")],
        "hard": [hardlink("p", "other")],
        "pipe": [Entry("p", type=FIFOTYPE)],
        "dev": [Entry("p", type=BLKTYPE, device=(7, 0))],
        "gone": [whiteout("p")],
    }
    tree = extracted(outside, write_tar([Entry("other", b"other"), *kinds[first], *kinds[then]]))
    stands = first if then == "gone" else then
    expected = {
        "file": "file",
        "dir": "d",
        "full": "d",
        "link": "-> elsewhere",
        "hard": "other",
        "pipe": "p",
        "dev": "b",
        "gone": "c",
    }
    there = content(tree)
    assert (there["p"], there["other"]) == (expected[stands], "other")
    directories = {"dir", "full"}
    assert ("p/inner/x" in there) == (then == "full" or (first == "full" and then in {"dir", "gone"}))
    assert (tree.done.opaque == [b"p"]) == (stands in directories and not {first, then} <= directories)


class TestNames:
    @pytest.mark.parametrize(
        "name", [b"\xff\xfe", b"a\nb", b"a b ", b"-rf", b"\x1b[31m", b"n" * 255, b"\xe2\x80\xae"]
    )
    def test_any_bytes_are_a_name(self, outside: Path, name: bytes) -> None:
        tree = extracted(outside, pax({b"path": b"d/" + name}) + header() + END)
        assert set(tree.entries) == {b"", b"d", b"d/" + name}

    def test_of_four_thousand_bytes(self, outside: Path) -> None:
        """As long as Linux takes in one call; of which no call is made, so it may lie deeper than that."""
        name = b"/".join([b"n" * 254] * 16) + b"/" + b"n" * 15
        assert len(name) == 4095
        tree = unpack_here(outside, gnu_long(b"L", name) + file(b"short", b"deep") + END)
        assert tree.entries[name].size == 4

    @pytest.mark.parametrize(
        "name", [b"n" * 256, b"n" * 256 + b"/x", b"x/" * 2049, b"x\0y", b"d/" + b"\xff" * 300]
    )
    def test_that_no_system_takes_are_refused(self, outside: Path, name: bytes) -> None:
        with pytest.raises(CorruptLayer):
            extracted(outside, pax({b"path": name}) + header() + END)

    @pytest.mark.parametrize("target", [b"t" * 4095, b"/" * 300, b"\xff\n"])
    def test_a_link_may_say_anything(self, outside: Path, target: bytes) -> None:
        tree = extracted(outside, pax({b"linkpath": target}) + header(b"l", b"2") + END)
        assert tree.entries[b"l"].link == target

    @pytest.mark.parametrize("target", [b"t" * 4096, b"", b"a\0b"])
    def test_but_not_what_no_system_takes(self, outside: Path, target: bytes) -> None:
        with pytest.raises(CorruptLayer):
            extracted(outside, pax({b"linkpath": target}) + header(b"l", b"2") + END)

    def test_links_that_lead_far_are_not_followed_for_ever(self, outside: Path) -> None:
        """Forty links, each through two thousand directories and back: a million steps for one entry."""
        deep = b"d/" * 1000
        links = b"".join(
            pax({b"linkpath": b"/" + (deep + b"../" * 1000)[:4000] + b"l%d" % (at + 1)})
            + header(b"l%d" % at, b"2")
            for at in range(40)
        )
        with pytest.raises(CorruptLayer, match="too far behind links"):
            extracted(outside, pax({b"path": deep}) + header(kind=b"5") + links + file(b"l0/x") + END)


@pytest.mark.parametrize(
    "block",
    [
        header(b"n", b"3", device=(b"\xff" * 8, b"0000000\0")),
        header(b"n", b"4", device=(b"0000000\0", b"\x80" + b"\xff" * 7)),
        header(b"n", b"3", device=(b"0010000\0", b"0000000\0")),
        header(b"n", b"3", device=(b"0000000\0", b"4000000\0")),
        header(b"n", b"3", device=(b"0000000\0", b"\x80\0\0\0" + b"\xff" * 4)),
    ],
    ids=["negative", "huge", "major of 13 bits", "minor of 21 bits", "minor of 32 bits"],
)
def test_devices_that_cannot_be(outside: Path, block: bytes) -> None:
    """None of them becomes another one by losing bits: 0:0 above all, OverlayFS's own mark."""
    with pytest.raises(CorruptLayer, match="impossible device"):
        extracted(outside, block + END)
    assert not (outside / "tree/n").exists()


def test_mimicked_marks_are_refused_or_ignored(outside: Path) -> None:
    """What a layer says to OverlayFS itself, in either of its two languages, is not passed on."""
    marks = {
        "trusted.overlay.opaque": b"y",
        "trusted.overlay.redirect": b"/etc",
        "trusted.overlay.metacopy": b"",
    }
    users = {name.replace("trusted", "user"): value for name, value in marks.items()}
    entries = [directory("d"), Entry("d/f", b"x", xattrs=marks | users)]
    entries[0] = Entry("d", type=DIRTYPE, xattrs=marks | users)
    tree = extracted(outside, write_tar(entries))
    assert os.listxattr(tree.root / "d") == os.listxattr(tree.root / "d/f") == []
    assert set(tree.done.left_out) == {os.fsencode(name) for name in marks | users}
    with pytest.raises(UnsafeLayer):
        extracted(outside / "etc", write_tar([Entry("d", type=CHRTYPE, device=(0, 0))]))

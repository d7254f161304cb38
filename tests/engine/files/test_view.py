"""What is seen of layers over each other."""

from __future__ import annotations

import hashlib
import tarfile
from pathlib import Path

import pytest

from samples.layers import Entry, SampleLayer, directory, hardlink, layer, symlink
from tests.support.files import open_store, put_layer
from worker.engine.errors import LayerMissing, LinkLoop
from worker.engine.files import Change, Count, Difference, ImageFiles, View
from worker.engine.files.loading import make_table
from worker.engine.layers import EntryType
from worker.engine.oci import Digest
from worker.engine.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "store")


def files(store: Store, *layers: SampleLayer) -> ImageFiles:
    return ImageFiles.of(store.layers, [put_layer(store, sample) for sample in layers])


def paths(view: View) -> list[bytes]:
    return [node.path for node in view.walk()]


def test_a_tree_is_walked_each_directory_before_its_content_and_names_in_order(store: Store) -> None:
    """Also where names have characters that sort before the slash."""
    view = files(store, layer({"a/x": b"1", "a-b": b"2", "a.b/c": b"3", "b": b"4"})).view()
    assert paths(view) == [b"", b"a", b"a/x", b"a-b", b"a.b", b"a.b/c", b"b"]
    assert [node.path for node in view.walk(b"a")] == [b"a", b"a/x"]
    assert [entry[0] for entry in view.columns()] == paths(view)


def test_a_file_has_everything_that_its_layer_says(store: Store) -> None:
    entry = Entry("f", b"hello", mode=0o4755, mtime=7.5, xattrs={"user.k": b"v"})
    node = files(store, layer(entries=[entry])).view().get(b"f")
    assert node is not None
    assert (node.type, node.size, node.mode, node.mtime_ns) == (EntryType.FILE, 5, 0o4755, 7_500_000_000)
    assert node.sha256 == hashlib.sha256(b"hello").digest()
    assert node.xattrs == {b"user.k": b"v"}
    assert (node.layer, node.change, node.name) == (0, Change.ADDED, b"f")


def test_a_later_layer_wins_and_is_where_the_file_comes_from(store: Store) -> None:
    image = files(store, layer({"f": b"old", "g": b"g"}), layer({"f": b"newer"}))
    node = image.view().get(b"f")
    assert node is not None
    assert (node.size, node.layer, node.change, node.what) == (5, 1, Change.CHANGED, (Difference.CONTENT,))
    assert image.view(0).get(b"f") == image.view(0).children(b"")[0]
    below = image.view().get(b"g")
    assert below is not None
    assert (below.layer, below.change) == (0, Change.NONE)


def test_a_whiteout_removes_a_file_and_a_whole_directory(store: Store) -> None:
    image = files(store, layer({"d/e/f": b"1", "g": b"22"}), layer(whiteouts=["d", "g"]))
    assert paths(image.view()) == [b""]
    assert image.view().changes().removed == Count(files=2, directories=2, bytes=3)
    gone = image.view().children(b"", removed=True)
    assert [(node.name, node.change) for node in gone] == [(b"d", Change.REMOVED), (b"g", Change.REMOVED)]
    assert [node.path for node in image.view().children(b"d", removed=True)] == [b"d/e"]
    assert len(image.view().children(b"d")) == 0
    assert image.view().removed(b"d/e/f") == image.view().gone_node(2)


def test_a_whiteout_of_what_no_lower_layer_has_does_nothing(store: Store) -> None:
    """Also in a directory that no lower layer has, which is there then (a tar implies it)."""
    image = files(store, layer({"f": b""}), layer(whiteouts=["no/such", "nor/this"]))
    assert paths(image.view()) == [b"", b"f", b"no", b"nor"]
    assert image.view().changes().removed == Count()


def test_whiteouts_in_the_base_do_not_show(store: Store) -> None:
    view = files(store, layer({"a/f": b"", "z": b""}, whiteouts=["a/g", "m"])).view()
    assert paths(view) == [b"", b"a", b"a/f", b"z"]
    assert view.total(b"a").files == 1


def test_an_opaque_directory_hides_what_is_below_but_keeps_what_its_layer_has(store: Store) -> None:
    image = files(
        store,
        layer({"d/old": b"1", "d/both": b"2", "d/sub/x": b"3", "e": b""}),
        layer({"d/both": b"4", "d/new": b"5"}, opaque=["d"]),
    )
    view = image.view()
    assert paths(view) == [b"", b"d", b"d/both", b"d/new", b"e"]
    assert [node.path for node in view.changed() if node.change is Change.REMOVED] == [
        b"d/old",
        b"d/sub",
        b"d/sub/x",
    ]
    both = view.get(b"d/both")
    assert both is not None
    assert both.change is Change.CHANGED


def test_a_file_in_the_place_of_a_directory_hides_all_below_it(store: Store) -> None:
    image = files(store, layer({"d/e/f": b"1", "d/g": b""}), layer({"d": b"file"}), layer({"d/h": b""}))
    assert paths(image.view(1)) == [b"", b"d"]
    node = image.view(1).get(b"d")
    assert node is not None
    assert (node.type, node.what[0]) == (EntryType.FILE, Difference.TYPE)
    assert [gone.path for gone in image.view(1).children(b"d", removed=True)] == [b"d/e", b"d/g"]
    assert paths(image.view(2)) == [b"", b"d", b"d/h"]


def test_a_directory_that_is_only_implied_keeps_what_lower_layers_say_of_it(store: Store) -> None:
    base = layer(entries=[Entry("d", type=tarfile.DIRTYPE, mode=0o1777, mtime=5)])
    image = files(store, base, layer({"d/f": b""}), layer({"d/g": b""}, opaque=["d"]))
    for top in (1, 2):
        node = image.view(top).get(b"d")
        assert node is not None
        assert (node.mode, node.mtime_ns, node.layer, node.change) == (0o1777, 5_000_000_000, 0, "")
    assert paths(image.view()) == [b"", b"d", b"d/g"]


def test_a_directory_implied_anew_inside_of_an_opaque_one_inherits_nothing(store: Store) -> None:
    base = layer(entries=[directory("d"), directory("d/e", mode=0o700)])
    image = files(store, base, layer({"d/e/f": b""}, opaque=["d"]))
    node = image.view().get(b"d/e")
    assert node is not None
    assert (node.mode, node.layer, node.change) == (0o755, 1, Change.CHANGED)


def test_a_directory_said_again_just_as_it_was_is_not_changed(store: Store) -> None:
    image = files(store, layer(dirs=["d"]), layer(dirs=["d"]), layer(entries=[directory("d", mode=0o700)]))
    again, changed = image.view(1).get(b"d"), image.view(2).get(b"d")
    assert again is not None
    assert changed is not None
    assert again.change is Change.NONE
    assert (changed.change, changed.what) == (Change.CHANGED, (Difference.MODE,))


def test_a_hard_link_keeps_the_content_of_its_own_layer(store: Store) -> None:
    """Also when the name that it links to is overwritten, or removed, by a later layer."""
    base = layer(entries=[Entry("a", b"first"), hardlink("b", "a"), hardlink("c", "b")])
    image = files(store, base, layer({"a": b"second"}), layer(whiteouts=["a"]))
    for top in (0, 1, 2):
        for name in (b"b", b"c"):
            node = image.view(top).get(name)
            assert node is not None
            assert (node.type, node.size, node.hardlink_to) == (EntryType.FILE, 5, b"a")
            assert node.sha256 == hashlib.sha256(b"first").digest()
    assert image.view(0).total(b"").bytes == 5
    assert image.view(1).total(b"").bytes == 11
    assert image.view(2).total(b"").bytes == 5


def test_a_file_of_several_names_counts_once_in_each_directory(store: Store) -> None:
    entries = [
        Entry("d/a", b"12345"),
        hardlink("d/b", "d/a"),
        hardlink("d/e/c", "d/a"),
        hardlink("f/d", "d/a"),
        Entry("f/own", b"1"),
    ]
    view = files(store, layer(entries=entries)).view()
    assert {path: view.total(path).bytes for path in (b"", b"d", b"d/e", b"f")} == {
        b"": 6,
        b"d": 5,
        b"d/e": 5,
        b"f": 6,
    }
    assert view.total(b"").files == 5
    assert view.changes().added.bytes == 6


def test_the_same_layer_twice_brings_back_what_was_removed_in_between(store: Store) -> None:
    base = layer({"f": b"1"})
    image = files(store, base, layer(whiteouts=["f"]), base)
    assert [image.view(top).get(b"f") is not None for top in range(3)] == [True, False, True]
    node = image.view().get(b"f")
    assert node is not None
    assert (node.layer, node.change) == (2, Change.ADDED)


def test_links_are_followed_inside_of_the_image_only(store: Store) -> None:
    view = files(
        store,
        layer(
            {"etc/real": b"x", "usr/bin/tool": b"y"},
            symlinks={
                "bin": "usr/bin",
                "abs": "/etc/real",
                "up": "../../../../etc/real",
                "etc/self": "./../etc/real",
                "dangling": "/nowhere",
                "loop": "loop",
            },
        ),
    ).view()
    for path in (b"abs", b"up", b"etc/self", b"bin/../../etc/real", b"/etc//real"):
        node = view.resolve(path)
        assert node is not None
        assert node.path == b"etc/real"
    tool = view.resolve(b"bin/tool")
    assert tool is not None
    assert tool.path == b"usr/bin/tool"
    assert view.resolve(b"dangling") is None
    assert view.resolve(b"etc/real/below") is None
    with pytest.raises(LinkLoop):
        view.resolve(b"loop")


def test_links_that_lead_on_and_on_are_given_up() -> None:
    """Forty links of hundreds of steps each, two thousand directories deep, would take minutes."""
    deep = b"/".join([b"d"] * 2000)
    around = b"../d/" * 400
    links = [(deep + b"/l%d" % at, 2, 0, 0, 0, 0, 0, around + b"l%d" % (at + 1)) for at in range(40)]
    view = ImageFiles([make_table([(deep, 1), (deep + b"/f", 0, 1), *links])]).view()
    with pytest.raises(LinkLoop):
        view.resolve(deep + b"/l0")
    found = view.resolve(deep + b"//./f")
    assert found is not None
    assert found.path == deep + b"/f"


def test_names_need_not_be_text(store: Store) -> None:
    odd = b"new\nline \xff\xfe \xe2\x80\xae"
    sample = layer({odd.decode("utf-8", "surrogateescape"): b"1", "d/\\": b"2"})
    view = files(store, sample).view()
    assert {node.path for node in view.walk()} == {b"", b"d", b"d/\\", odd}


def test_children_are_asked_for_in_pieces(store: Store) -> None:
    view = files(store, layer({f"d/{number:04}": b"" for number in range(1000)}, dirs=["d/zz"])).view()
    children = view.children(b"d")
    assert len(children) == 1001
    assert [node.name for node in children[998:1000]] == [b"0998", b"0999"]
    assert view.children(b"d", directories_first=True)[0].name == b"zz"
    assert not view.children(b"d/0000")


def test_an_image_without_layers_has_a_root(store: Store) -> None:
    view = files(store).view()
    assert paths(view) == [b""]
    assert not view.children(b"")


def test_a_layer_that_is_not_extracted_is_named(store: Store) -> None:
    missing = Digest.of(b"nowhere")
    with pytest.raises(LayerMissing) as caught:
        ImageFiles.of(store.layers, [missing])
    assert caught.value.diff_id == str(missing)


class TestHistory:
    def test_every_layer_that_says_something_is_listed(self, store: Store) -> None:
        image = files(
            store,
            layer({"d/f": b"1"}),
            layer({"other": b""}),
            layer({"d/f": b"22"}),
            layer({"d/f": b"22"}),
            layer(whiteouts=["d"]),
            layer({"d/f": b"4"}),
            layer({"d/g": b""}, opaque=["d"]),
        )
        assert [(one.layer, str(one.change)) for one in image.history(b"d/f")] == [
            (0, "added"),
            (2, "changed"),
            (3, ""),
            (4, "removed"),
            (5, "added"),
            (6, "removed"),
        ]
        assert [one.node.size if one.node else None for one in image.history(b"d/f")] == [
            1,
            2,
            2,
            None,
            1,
            None,
        ]

    def test_a_directory_replaced_by_a_file_takes_along_what_is_in_it(self, store: Store) -> None:
        image = files(store, layer({"d/f": b"1"}), layer({"d": b""}), layer(symlinks={"e": "d"}))
        assert [(one.layer, str(one.change)) for one in image.history(b"d/f")] == [
            (0, "added"),
            (1, "removed"),
        ]
        assert image.history(b"nowhere") == ()

    def test_what_only_implies_a_directory_says_nothing_of_it(self, store: Store) -> None:
        image = files(store, layer(dirs=["d"]), layer({"d/f": b""}), layer(entries=[symlink("d", "x")]))
        assert [(one.layer, str(one.change)) for one in image.history(b"d")] == [(0, "added"), (2, "changed")]


def test_a_total_can_be_asked_for_by_place(store: Store) -> None:
    view = files(store, layer({"d/a": b"12", "d/e/f": b"3", "g": b""})).view()
    for at, path in enumerate(view.columns().paths):
        assert view.total_at(at) == view.total(path)

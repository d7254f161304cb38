"""The packages of an image as of each layer, read from trees that are really there."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from samples.layers import Entry, SampleLayer, hardlink, layer
from tests.engine.packages.rpmdb import header, write
from tests.support.files import open_store, put_layer
from worker.engine.cancel import CancelToken
from worker.engine.errors import Cancelled, StoreDamaged
from worker.engine.files import ImageFiles
from worker.engine.packages import Contents, read_stack, stack, stanzas
from worker.engine.store import Store

STATUS = "var/lib/dpkg/status"


def status(**versions: str) -> bytes:
    return "\n".join(
        f"Package: {name.replace('_', '-')}\nStatus: install ok installed\nVersion: {version}\n"
        for name, version in versions.items()
    ).encode()


def metadata(name: str, version: str = "1.0") -> bytes:
    return f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\n".encode()


def package_json(name: str, version: str = "1.0.0") -> bytes:
    return json.dumps({"name": name, "version": version}).encode()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path / "store")


def contents(
    store: Store, layers: Sequence[SampleLayer], start: int = 0, below: Contents | None = None
) -> list[Contents]:
    diff_ids = [put_layer(store, one) for one in layers]
    return list(read_stack(store.layers, ImageFiles.of(store.layers, diff_ids), diff_ids, start, below))


def listed(one: Contents) -> list[str]:
    return sorted(f"{package.name} {package.version}" for package, _ in one.installed())


def read(store: Store, *layers: SampleLayer) -> list[list[str]]:
    return [listed(one) for one in contents(store, layers)]


def test_installed_upgraded_and_removed_by_layers(store: Store) -> None:
    assert read(
        store,
        layer({STATUS: status(bash="5.2-1", zlib1g="1:1.2.13-1")}),
        layer({"etc/motd": b"nothing to do with packages"}),
        layer({STATUS: status(bash="5.2-2", zlib1g="1:1.2.13-1", curl="8.0-1")}),
        layer({STATUS: status(bash="5.2-2", curl="8.0-1")}),
    ) == [
        ["bash 5.2-1", "zlib1g 1:1.2.13-1"],
        ["bash 5.2-1", "zlib1g 1:1.2.13-1"],
        ["bash 5.2-2", "curl 8.0-1", "zlib1g 1:1.2.13-1"],
        ["bash 5.2-2", "curl 8.0-1"],
    ]


@pytest.mark.parametrize(
    "deleting",
    [
        layer(whiteouts=[STATUS]),
        layer(whiteouts=["var/lib/dpkg"]),
        layer(whiteouts=["var"]),
        layer(dirs=["var/lib"], opaque=["var/lib"]),
        layer({"var/lib": b"a file now"}),
        layer(symlinks={"var/lib/dpkg": "/nowhere"}),
        layer(entries=[Entry(".wh..wh..opq")]),
    ],
    ids=["whiteout", "of its directory", "of a directory above", "opaque", "a file", "a link", "opaque root"],
)
def test_a_database_that_a_layer_hides_is_gone(store: Store, deleting: SampleLayer) -> None:
    assert read(store, layer({STATUS: status(a="1")}), deleting) == [["a 1"], []]


def test_a_package_that_is_deleted_by_a_whiteout_is_gone_and_others_stay(store: Store) -> None:
    site = "usr/lib/python3/dist-packages"
    base = layer(
        {f"{site}/a-1.dist-info/METADATA": metadata("a"), f"{site}/b-1.dist-info/METADATA": metadata("b")}
    )
    assert read(store, base, layer(whiteouts=[f"{site}/a-1.dist-info"])) == [["a 1.0", "b 1.0"], ["b 1.0"]]
    assert read(store, base, layer(whiteouts=[f"{site}/a-1.dist-info/METADATA"]))[1] == ["b 1.0"]


def test_the_databases_of_all_ecosystems_at_once(store: Store, tmp_path: Path) -> None:
    rpmdb = write(tmp_path / "rpmdb.sqlite", header(name="rpm", version="4.18", release="1")).read_bytes()
    image = layer(
        {
            STATUS: status(dpkg="1.21"),
            "lib/apk/db/installed": b"P:musl\nV:1.2.5-r0\n\n",
            "usr/lib/sysimage/rpm/rpmdb.sqlite": rpmdb,
            "usr/lib/python3/site-packages/six-1.dist-info/METADATA": metadata("six"),
            "app/node_modules/@s/a/package.json": package_json("@s/a"),
            "usr/lib/os-release": b'ID=fedora\nVERSION_ID=41\nPRETTY_NAME="Fedora 41"\n',
        },
        symlinks={"var/lib/rpm": "../../usr/lib/sysimage/rpm", "etc/os-release": "../usr/lib/os-release"},
    )
    (found,) = contents(store, [image])
    assert listed(found) == ["@s/a 1.0.0", "dpkg 1.21", "musl 1.2.5-r0", "rpm 4.18-1", "six 1.0"]
    assert (found.distribution.id, found.distribution.version) == ("fedora", "41")
    assert not found.notes()


def test_distroless(store: Store) -> None:
    image = layer(
        {
            "var/lib/dpkg/status.d/base": b"Package: base-files\nVersion: 12.4\n",
            "var/lib/dpkg/status.d/base.md5sums": b"d41d8cd9  ./x\n",
            "var/lib/dpkg/status.d/tzdata": b"Package: tzdata\nVersion: 2024a\n",
        }
    )
    assert read(store, image) == [["base-files 12.4", "tzdata 2024a"]]


@pytest.mark.parametrize(
    ("path", "form"), [("var/lib/rpm/Packages", "Berkeley DB"), ("usr/lib/sysimage/rpm/Packages.db", "ndb")]
)
def test_an_rpm_database_that_is_not_read_is_told_of(store: Store, path: str, form: str) -> None:
    (found,) = contents(store, [layer({path: b"\0" * 100})])
    assert not found.installed()
    ((where, text),) = found.notes()
    assert where == path.encode()
    assert form in text


def test_an_rpm_database_with_a_log_may_be_incomplete(store: Store, tmp_path: Path) -> None:
    rpmdb = write(tmp_path / "rpmdb.sqlite", header(name="rpm", version="4.18", release="1")).read_bytes()
    path = "var/lib/rpm/rpmdb.sqlite"
    with_log = layer({path: rpmdb, f"{path}-wal": b"written last"})
    found = contents(store, [with_log, layer(whiteouts=[f"{path}-wal"])])
    assert [len(one.notes()) for one in found] == [1, 0]
    assert listed(found[0]) == listed(found[1]) == ["rpm 4.18-1"]
    assert not contents(store, [layer({path: rpmdb, f"{path}-wal": b""})])[0].notes()


def test_links_are_followed_inside_of_the_image_only(store: Store, tmp_path: Path) -> None:
    """A record that leads out leads to the image's own file of that name, or to nothing."""
    (tmp_path / "outside").write_bytes(metadata("secret"))
    site = "usr/lib/python3/dist-packages"
    image = layer(
        {"real": metadata("inside")},
        symlinks={
            f"{site}/a-1.dist-info/METADATA": "/real",
            f"{site}/b-1.dist-info/METADATA": str(tmp_path / "outside"),
            f"{site}/c-1.dist-info/METADATA": "../" * 60 + "real",
            f"{site}/d-1.dist-info/METADATA": "METADATA",
            f"{site}/e-1.dist-info/METADATA": "/etc/passwd",
            STATUS: "/var/lib/dpkg/status",
        },
    )
    assert read(store, image) == [["inside 1.0", "inside 1.0"]]


def test_a_record_with_a_second_name_is_read_by_both(store: Store) -> None:
    site = "site-packages"
    image = layer(
        {f"{site}/a-1.dist-info/METADATA": metadata("a")},
        entries=[hardlink("other/a-1.dist-info/METADATA", f"{site}/a-1.dist-info/METADATA")],
    )
    assert read(store, image) == [["a 1.0", "a 1.0"]]


def test_what_cannot_be_understood_is_told_of_and_the_rest_is_read(store: Store) -> None:
    image = layer(
        {
            STATUS: status(good="1") + b"\nPackage: bad\nStatus: install ok installed\n",
            "a.dist-info/METADATA": b"\xff\xfe\x00",
            "node_modules/a/package.json": b"{",
            "node_modules/b/package.json": b'{"type": "module"}',
        }
    )
    (found,) = contents(store, [image])
    assert listed(found) == ["good 1"]
    assert [path for path, _ in found.notes()] == [
        b"a.dist-info/METADATA", b"node_modules/a/package.json", STATUS.encode(),
    ]  # fmt: skip


def test_a_note_is_gone_with_what_it_was_about(store: Store) -> None:
    bad = layer({"node_modules/a/package.json": b"{"})
    found = contents(store, [bad, layer({"node_modules/a/package.json": package_json("a")})])
    assert [len(one.notes()) for one in found] == [1, 0]
    assert listed(found[1]) == ["a 1.0.0"]


def test_a_huge_database_is_read_to_a_bound(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stanzas, "MAX_BYTES", 1 << 16)
    many = status(**{f"p{number}": "1" for number in range(5000)})
    (found,) = contents(store, [layer({STATUS: many})])
    assert 0 < len(found.installed()) < 5000
    assert found.notes()


def test_too_many_records_of_one_layer_are_told_of(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack, "MAX_RECORDS", 10)
    files = {f"node_modules/p{number:02}/package.json": package_json(f"p{number}") for number in range(20)}
    (found,) = contents(store, [layer(files)])
    assert len(found.installed()) == 10
    assert len(found.notes()) == 1


def test_reading_goes_on_from_what_is_known_below(store: Store) -> None:
    layers = [
        layer(
            {
                STATUS: status(a="1"),
                "node_modules/x/package.json": b"{",
                "x.dist-info/METADATA": metadata("x"),
            }
        ),
        layer({"node_modules/y/package.json": package_json("y")}),
        layer({STATUS: status(a="2")}),
    ]
    whole = contents(store, layers)
    for start in (1, 2):
        assert contents(store, layers, start, whole[start - 1]) == whole[start:]


def test_names_that_are_no_text(store: Store) -> None:
    image = layer({"caf\udce9/a-1.dist-info/METADATA": metadata("a")})
    (found,) = contents(store, [image])
    assert {path for _, path in found.installed()} == {b"caf\xe9/a-1.dist-info/METADATA"}


def test_a_tree_that_is_not_what_its_index_says_is_an_error(store: Store) -> None:
    sample = layer({STATUS: status(a="1")})
    tree = store.layers.tree(put_layer(store, sample))
    (tree / STATUS).unlink()
    os.mkfifo(tree / STATUS)
    with pytest.raises(StoreDamaged):
        contents(store, [sample])


def test_it_can_be_cancelled(store: Store) -> None:
    diff_ids = [put_layer(store, layer({STATUS: status(a="1")}))]
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        list(read_stack(store.layers, ImageFiles.of(store.layers, diff_ids), diff_ids, cancel=token))

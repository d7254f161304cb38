"""Each layer's tree, compared with what GNU tar makes of the same archive."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from samples.images import Entry, SampleImage, from_tar, hardlink, image, write_tar
from samples.registry import SampleRegistry
from tests.engine.pull.helpers import pull_it
from tests.engine.pull.machine import machine_image
from tests.engine.pull.trees import Seen, describe
from worker.engine.oci import Digest
from worker.engine.pull import PulledImage
from worker.engine.store import Store

pytestmark = pytest.mark.root

_OPAQUE = "trusted.overlay.opaque"
# It sets them before it sets the mode. umoci keeps them, and is compared with as well.
_LOST_BY_GNU_TAR = ("system.posix_acl_access", "system.posix_acl_default")
_DECOMPRESS = {b"\x1f\x8b": ["--gzip"], b"\x28\xb5": ["--zstd"]}


def by_gnu_tar(blob: Path, place: Path) -> dict[str, Seen]:
    """What it extracts, with everything that it can keep."""
    place.mkdir()
    with blob.open("rb") as file:
        options = _DECOMPRESS.get(file.read(2), [])
    kept = [
        "--same-owner",
        "--numeric-owner",
        "--same-permissions",
        "--acls",
        "--xattrs",
        "--xattrs-include=*",
    ]
    command = ["tar", "--extract", *options, *kept, "--delay-directory-restore", "-C", place, "-f", blob]
    # It complains of times before 1970, and of nothing else.
    subprocess.run(command, check=True)
    return describe(place)


def differences(store: Store, diff_id: Digest, theirs: dict[str, Seen]) -> list[str]:
    """One line for each thing that is not the same, once whiteouts are read the same way."""
    ours = describe(store.layers.tree(diff_id))
    implied = {os.fsdecode(path) or "." for path in store.layers.info(diff_id).implied or ()}
    ours_marks = {path for path, seen in ours.items() if stat.S_ISCHR(seen.type) and seen.device == 0}
    opaque = {path for path, seen in ours.items() if seen.xattrs.pop(_OPAQUE, None)}
    for seen in ours.values():
        for name in _LOST_BY_GNU_TAR:
            seen.xattrs.pop(name, None)
    marks, their_opaque = set(), set()
    for path in [path for path in theirs if Path(path).name.startswith(".wh.")]:
        del theirs[path]
        directory, name = str(Path(path).parent), Path(path).name
        if name == ".wh..wh..opq":
            their_opaque.add(directory)
        else:
            marks.add(str(Path(directory, name.removeprefix(".wh."))))
    lines = [f"deletion marks: {sorted(ours_marks ^ marks)}"] if ours_marks != marks else []
    lines += [f"opaque marks: {sorted(opaque ^ their_opaque)}"] if opaque != their_opaque else []
    for path in sorted((ours.keys() - ours_marks) ^ theirs.keys()):
        lines.append(f"only {'ours' if path in ours else 'theirs'}: {path!r}")
    for path in sorted((ours.keys() - ours_marks) & theirs.keys()):
        for field, mine, other in zip(Seen._fields, ours[path], theirs[path], strict=True):
            if mine != other and not (path in implied and field != "type"):
                lines.append(f"{path!r}: {field} is {mine!r}, theirs {other!r}")
    return lines


def compare(store: Store, pulled: PulledImage, scratch: Path) -> dict[str, list[str]]:
    """The differences of each layer that has some, by diff ID."""
    found = {}
    for layer in pulled.layers:
        theirs = by_gnu_tar(store.blobs.path(layer.digest), scratch / str(layer.position))
        if lines := differences(store, layer.diff_id, theirs):
            found[str(layer.diff_id)] = lines
    return found


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> SampleImage:
    return machine_image(tmp_path_factory.mktemp("machine"))


def test_layers_are_what_gnu_tar_makes_of_them(
    store: Store, registry: SampleRegistry, sample: SampleImage, tmp_path: Path
) -> None:
    """Type, mode, owner, size, time, links, devices, attributes, content; names of one file; sparse ones."""
    assert compare(store, pull_it(store, registry.push("machine", "1", sample)), tmp_path) == {}


def test_a_difference_is_noticed(store: Store, registry: SampleRegistry, tmp_path: Path) -> None:
    """Of each kind one, made by changing what GNU tar extracted."""
    entries = [Entry("a", b"x"), hardlink("b", "a"), Entry("c", b"x", mode=0o600), Entry("d", b"x", uid=5)]
    pulled = pull_it(store, registry.push("demo", "1", image([from_tar(write_tar(entries))])))
    (layer,) = pulled.layers
    by_gnu_tar(store.blobs.path(layer.digest), tmp_path / "tree")
    (tmp_path / "tree/b").unlink()
    (tmp_path / "tree/b").write_bytes(b"x")
    (tmp_path / "tree/c").chmod(0o4600)
    os.setxattr(tmp_path / "tree/d", "user.more", b"x")
    (tmp_path / "tree/e").touch()
    found = differences(store, layer.diff_id, describe(tmp_path / "tree"))
    for word in ("'b': same_as", "'c': mode", "'d': xattrs", "only theirs: 'e'"):
        assert any(word in line for line in found)


@pytest.mark.parametrize("name", os.environ.get("STRATA_TEST_IMAGES", "").split())
def test_images_of_your_own(store: Store, name: str, tmp_path: Path) -> None:
    """``STRATA_TEST_IMAGES="localhost:5000/php:8 ..."`` adds real images to the comparison."""
    assert compare(store, pull_it(store, name), tmp_path) == {}

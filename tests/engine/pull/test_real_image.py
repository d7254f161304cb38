"""Real images, from the reference implementation of a registry, compared with what umoci and skopeo see."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tarfile import DIRTYPE

import pytest

from samples.images import Entry, SampleImage, SampleLayer, image, index, layer, recompressed
from samples.registry import SampleRegistry
from tests.engine.pull.helpers import pull_it
from tests.engine.pull.machine import machine_image
from tests.engine.pull.trees import differences, merged
from tests.engine.registry.real import RealRegistry
from worker.engine.layers import EntryType, FileIndex
from worker.engine.merged import Stack
from worker.engine.pull import PulledImage
from worker.engine.store import Store

pytestmark = [pytest.mark.root, pytest.mark.services]


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


@pytest.fixture(scope="module")
def real_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    with RealRegistry(Path(program("docker-registry")), tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> SampleImage:
    return machine_image(tmp_path_factory.mktemp("machine"))


def umoci(name: str, folder: Path) -> Path:
    """The root file system that umoci makes of an image."""
    skopeo, umoci = program("skopeo"), program("umoci")
    source = ["--src-tls-verify=false", f"docker://{name}", f"oci:{folder}/image:it"]
    subprocess.run([skopeo, "copy", "--quiet", *source], check=True)
    subprocess.run(
        [umoci, "unpack", "--image", f"{folder}/image:it", folder / "bundle"], check=True, capture_output=True
    )
    return folder / "bundle" / "rootfs"


def compare(store: Store, pulled: PulledImage, theirs: Path, scratch: Path) -> list[str]:
    scratch.mkdir()
    stack = Stack.of(store.layers, [layer.diff_id for layer in pulled.layers])
    with merged(stack.lowers(scratch / "top", read_only=True), scratch) as ours:
        return differences(ours, theirs)


def test_the_merged_tree_is_what_umoci_makes(
    store: Store, real_registry: RealRegistry, sample: SampleImage, tmp_path: Path
) -> None:
    """Type, mode, owner, size, time, links, devices, capabilities and content of every file."""
    name = real_registry.push("machine", "1", sample)
    pulled = pull_it(store, name)
    assert pulled.digest == sample.digest
    assert compare(store, pulled, umoci(name, tmp_path), tmp_path / "scratch") == []


# Of directories that a layer leaves out: /tmp, one that is private, one that is shared, and what is in them.
_BASE = layer(
    entries=[
        Entry("", type=DIRTYPE, mode=0o555, uid=3),
        Entry("tmp", type=DIRTYPE, mode=0o1777, mtime=1_500_000_000.25),
        Entry("root", type=DIRTYPE, mode=0o700),
        Entry("root/.cache", type=DIRTYPE, mode=0o711, uid=5),
        Entry("root/.cache/deep", type=DIRTYPE, mode=0o2770, gid=6, xattrs={"user.kind": b"deep"}),
        Entry("srv", type=DIRTYPE, mode=0o2775, uid=33, gid=70_000),
        Entry("srv/gone", type=DIRTYPE, mode=0o1700),
        Entry("srv/emptied", type=DIRTYPE, mode=0o1700),
        Entry("srv/emptied/old", type=DIRTYPE, mode=0o1700),
        Entry("srv/became a file", type=DIRTYPE, mode=0o1700),
        Entry("srv/became a link", type=DIRTYPE, mode=0o1700),
    ]
)
_LEAVES_OUT = layer(
    {"tmp/x": b"x", "root/.bashrc": b"", "root/.cache/deep/f": b"f", "srv/f": b"", "srv/became a file": b""},
    symlinks={"srv/became a link": "/tmp"},
    whiteouts=["srv/gone"],
    opaque=["srv/emptied"],
)


@pytest.mark.parametrize(
    "above",
    [
        [],
        [layer({"tmp/y": b"y", "srv/emptied/new": b""}, whiteouts=["root/.cache"])],
        [layer(entries=[Entry("root", type=DIRTYPE, mode=0o750, gid=9)]), layer({"root/.cache/g": b""})],
        [layer(whiteouts=["root/.bashrc", "tmp/x"])],
    ],
    ids=["nothing more", "deleted again", "described between", "only deletions"],
)
def test_directories_that_a_layer_leaves_out_stay_as_they_are(
    store: Store, real_registry: RealRegistry, tmp_path: Path, above: list[SampleLayer]
) -> None:
    """As kaniko and bazel write layers: with a file in /tmp, and no entry for /tmp itself."""
    name = real_registry.push("left-out", "1", image([_BASE, _LEAVES_OUT, *above]))
    pulled = pull_it(store, name)
    assert compare(store, pulled, umoci(name, tmp_path), tmp_path / "scratch") == []


def test_the_index_tells_what_stands_in_the_tree(
    store: Store, real_registry: RealRegistry, sample: SampleImage
) -> None:
    """Every file of every layer is in its index, with the right numbers, and nothing else is."""
    pulled = pull_it(store, real_registry.push("machine", "1", sample))
    for part in pulled.layers:
        tree = store.layers.tree(part.diff_id)
        entries = list(FileIndex(store.layers.index_path(part.diff_id)).entries())
        assert len(entries) == part.entries
        assert sum(entry.size for entry in entries) == part.content_size
        there = {os.fsencode(path.relative_to(tree)) for path in tree.rglob("*")} | {b""}
        assert {entry.path for entry in entries} == {b"" if path == b"." else path for path in there}
        for entry in entries:
            if entry.type in (EntryType.FILE, EntryType.DIRECTORY):
                status = (tree / os.fsdecode(entry.path)).lstat()
                assert (status.st_mode & 0o7777, status.st_uid, status.st_gid, status.st_mtime_ns) == (
                    entry.mode,
                    entry.uid,
                    entry.gid,
                    entry.mtime_ns,
                )


@pytest.mark.parametrize("name", os.environ.get("STRATA_TEST_IMAGES", "").split())
def test_images_of_your_own(store: Store, name: str, tmp_path: Path) -> None:
    """``STRATA_TEST_IMAGES="localhost:5000/php:8 ..."`` adds real images to the comparison."""
    pulled = pull_it(store, name)
    assert compare(store, pulled, umoci(name, tmp_path), tmp_path / "scratch") == []


class TestOtherToolsReadTheStore:
    """It is an OCI image layout; of images in Docker's form it holds a manifest in OCI's as well."""

    @pytest.mark.parametrize("flavour", ["oci", "docker"])
    def test_skopeo(self, store: Store, registry: SampleRegistry, flavour: str) -> None:
        parts = [layer({f"file{at}": b"x"}, flavour=flavour) for at in range(2)]
        name = registry.push("demo/app", "1", index([image(parts, flavour=flavour)]))
        pull_it(store, name)
        seen = json.loads(self.run("skopeo", "inspect", f"oci:{store.root}:{name}"))
        assert seen["Layers"] == [str(part.digest) for part in parts]
        config = json.loads(self.run("skopeo", "inspect", "--config", f"oci:{store.root}:{name}"))
        assert config["rootfs"]["diff_ids"] == [str(part.diff_id) for part in parts]

    def test_skopeo_copies_out_of_it(
        self, store: Store, real_registry: RealRegistry, sample: SampleImage
    ) -> None:
        pull_it(store, real_registry.push("machine", "1", sample))
        target = f"{real_registry.host}/copied:1"
        source = f"oci:{store.root}:{real_registry.host}/machine:1"
        self.run("skopeo", "copy", "--dest-tls-verify=false", source, f"docker://{target}")
        again = pull_it(store, target)
        assert (again.digest, again.layers_extracted) == (sample.digest, 0)

    def test_umoci(self, store: Store, registry: SampleRegistry, tmp_path: Path) -> None:
        name = registry.push("demo", "tag", image([layer({"f": b"content"})]))
        pull_it(store, name)
        assert name in self.run("umoci", "ls", "--layout", str(store.root)).splitlines()

    def test_an_image_with_a_blob_missing_is_not_offered(
        self, store: Store, registry: SampleRegistry
    ) -> None:
        original = image([layer({"f": b"content"})])
        pull_it(store, registry.push("demo", "gzip", original))
        pull_it(store, registry.push("demo", "zstd", recompressed(original, "zstd")))
        assert self.run("umoci", "ls", "--layout", str(store.root)).splitlines() == [
            f"{registry.host}/demo:gzip"
        ]

    @staticmethod
    def run(name: str, *arguments: str) -> str:
        return subprocess.run([program(name), *arguments], check=True, capture_output=True, text=True).stdout

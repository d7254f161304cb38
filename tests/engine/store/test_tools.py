"""The store as other tools see it: skopeo and umoci read it, a real registry takes what skopeo copies."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from samples.images import SampleImage, image, index, layer
from samples.registry import SampleRegistry
from scripts.setup.tools import TEST
from tests.engine.pull.helpers import APP, BASE, IMAGE, pull_it
from tests.engine.registry.real import RealRegistry
from worker.engine.store import Store

pytestmark = [pytest.mark.root, pytest.mark.services]

DOCKER = image([part.recompressed("gzip", "docker") for part in (BASE, APP)], flavour="docker")
ZSTD = image([part.recompressed("zstd") for part in (BASE, APP)])
ARM = image([layer({"arm": b"64"})], platform="linux/arm64")
BOTH = index([IMAGE, ARM])


def tool(name: str) -> str:
    found = next(each for each in TEST if each.name == name).find()
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def skopeo(*arguments: str) -> str:
    return subprocess.run(
        [tool("skopeo"), "--insecure-policy", *arguments], check=True, capture_output=True, text=True
    ).stdout


def umoci(*arguments: str) -> str:
    return subprocess.run([tool("umoci"), *arguments], check=True, capture_output=True, text=True).stdout


@pytest.fixture
def real_registry(tmp_path: Path) -> Iterator[RealRegistry]:
    folder = tmp_path / "registry"
    folder.mkdir()
    with RealRegistry(Path(tool("docker-registry")), folder) as registry:
        yield registry


@pytest.mark.parametrize("sample", [IMAGE, DOCKER, ZSTD], ids=["oci", "docker", "zstd"])
def test_skopeo_inspects_and_copies_an_image(
    store: Store,
    sample_registry: SampleRegistry,
    real_registry: RealRegistry,
    sample: SampleImage,
    tmp_path: Path,
) -> None:
    """Into a registry, from where it is pulled again as the same layers."""
    name = sample_registry.push("team/app", "1", sample)
    pull_it(store, name)
    seen = json.loads(skopeo("inspect", f"oci:{store.root}:{name}"))
    assert (seen["Architecture"], seen["Layers"]) == ("amd64", [str(part.digest) for part in sample.layers])
    copied = f"{real_registry.host}/copied/app:1"
    skopeo("copy", "--dest-tls-verify=false", f"oci:{store.root}:{name}", f"docker://{copied}")
    again = pull_it(Store(tmp_path / "again"), copied)
    assert [part.diff_id for part in again.layers] == list(sample.diff_ids)
    if sample is not DOCKER:
        assert again.digest == sample.digest


@pytest.mark.parametrize("sample", [IMAGE, DOCKER], ids=["oci", "docker"])
def test_umoci_unpacks_an_image(
    store: Store, sample_registry: SampleRegistry, sample: SampleImage, tmp_path: Path
) -> None:
    name = sample_registry.push("team/app", "1", sample)
    pull_it(store, name)
    assert umoci("ls", "--layout", str(store.root)).split() == [name]
    assert str(APP.digest) in umoci("stat", "--image", f"{store.root}:{name}")
    umoci("unpack", "--image", f"{store.root}:{name}", str(tmp_path / "bundle"))
    root = tmp_path / "bundle" / "rootfs"
    assert (root / "etc/os").read_bytes() == b"sample"
    assert (root / "srv/app").exists()
    assert not (root / "bin/sh").exists()


class TestSeveralPlatforms:
    @pytest.fixture
    def name(self, store: Store, sample_registry: SampleRegistry) -> str:
        name = sample_registry.push("team/app", "1", BOTH)
        for platform in ("linux/arm64", "linux/amd64"):
            pull_it(store, name, platform=platform)
        return name

    @pytest.mark.parametrize("architecture", ["amd64", "arm64"])
    def test_skopeo_chooses_one(self, store: Store, name: str, architecture: str) -> None:
        seen = json.loads(skopeo("--override-arch", architecture, "inspect", f"oci:{store.root}:{name}"))
        assert seen["Architecture"] == architecture

    def test_skopeo_copies_all(self, store: Store, name: str, tmp_path: Path) -> None:
        skopeo("copy", "--all", f"oci:{store.root}:{name}", f"oci:{tmp_path / 'copy'}:x")
        assert len(list((tmp_path / "copy/blobs/sha256").iterdir())) == len({*IMAGE.blobs, *ARM.blobs}) + 3

    def test_umoci_takes_one_by_its_own_name(self, store: Store, name: str, tmp_path: Path) -> None:
        """It knows no platforms: a name that means several is ambiguous to it."""
        umoci("unpack", "--image", f"{store.root}:{name}@linux/arm64", str(tmp_path / "bundle"))
        assert (tmp_path / "bundle/rootfs/arm").read_bytes() == b"64"


def test_an_image_without_all_blobs_is_not_shown_to_them(
    store: Store, sample_registry: SampleRegistry
) -> None:
    """Its layers are here as trees, from another compressed form."""
    pull_it(store, sample_registry.push("team/app", "1", IMAGE))
    pull_it(store, sample_registry.push("team/app", "twin", ZSTD))
    shown = json.loads((store.root / "index.json").read_bytes())["manifests"]
    assert [entry["digest"] for entry in shown] == [str(IMAGE.digest)]

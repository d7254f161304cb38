"""Indexes and the choice of a platform."""

from __future__ import annotations

import json
from typing import Any

import pytest

from samples.images import image, index, layer
from worker.engine.errors import NotAnImage, PlatformNotFound
from worker.engine.oci import Digest, Index, MediaType, Platform

PLATFORMS = ["linux/amd64", "linux/arm64/v8", "linux/arm/v6", "linux/arm/v7"]
IMAGES = {name: image([layer({"platform": name.encode()})], platform=name) for name in PLATFORMS}
SAMPLE = index(IMAGES.values(), attestations=True)
INDEX = Index.parse(SAMPLE.raw, SAMPLE.media_type)


def entries(*platforms: dict[str, str] | None, media_type: str = MediaType.OCI_MANIFEST) -> Index:
    """An index with one entry for each platform; None names none."""
    listed: list[dict[str, Any]] = [
        {"mediaType": media_type, "digest": str(Digest.of(bytes([at]))), "size": 1}
        | ({"platform": it} if it else {})
        for at, it in enumerate(platforms)
    ]
    return Index.parse(json.dumps({"schemaVersion": 2, "manifests": listed}).encode(), MediaType.OCI_INDEX)


@pytest.mark.parametrize("name", PLATFORMS)
def test_selects_exactly(name: str) -> None:
    assert INDEX.select(Platform.parse(name)).digest == IMAGES[name].digest


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        ("linux/arm64", "linux/arm64/v8"),
        ("linux/arm", "linux/arm/v7"),
        ("linux/amd64/v3", "linux/amd64"),
        ("linux/arm/v8", "linux/arm/v7"),
    ],
)
def test_selects_the_nearest_that_runs(wanted: str, chosen: str) -> None:
    assert INDEX.select(Platform.parse(wanted)).digest == IMAGES[chosen].digest


def test_the_default_is_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Platform, "host", lambda: Platform("linux", "arm64"))
    assert INDEX.select().digest == IMAGES["linux/arm64/v8"].digest


@pytest.mark.parametrize("wanted", ["linux/s390x", "windows/amd64", "linux/arm/v5"])
def test_names_the_platforms_that_exist(wanted: str) -> None:
    with pytest.raises(PlatformNotFound) as caught:
        INDEX.select(Platform.parse(wanted))
    for name in PLATFORMS:
        assert name in caught.value.message
    assert "unknown" not in caught.value.message


def test_attestations_are_not_images() -> None:
    assert len(INDEX.manifests) == 8
    assert len(INDEX.images) == 4
    assert [str(platform) for platform in INDEX.platforms] == PLATFORMS


def test_the_first_of_equals_wins() -> None:
    twice = entries({"os": "linux", "architecture": "amd64"}, {"os": "linux", "architecture": "amd64"})
    assert twice.select(Platform("linux", "amd64")).digest == twice.manifests[0].digest


def test_a_single_entry_need_not_name_its_platform() -> None:
    assert entries(None).select(Platform("linux", "amd64"))
    with pytest.raises(PlatformNotFound):
        entries(None, None).select(Platform("linux", "amd64"))


def test_an_empty_index_has_no_platform() -> None:
    with pytest.raises(PlatformNotFound, match="none"):
        entries().select()


def test_a_build_cache_is_no_image() -> None:
    raw = {
        "schemaVersion": 2,
        "manifests": [
            {"mediaType": kind, "digest": str(Digest.of(b"")), "size": 0}
            for kind in (MediaType.OCI_LAYER_GZIP, "application/vnd.buildkit.cacheconfig.v0")
        ],
    }
    with pytest.raises(NotAnImage, match="build cache"):
        Index.parse(json.dumps(raw).encode(), MediaType.OCI_INDEX)


def test_reads_dockers_manifest_lists() -> None:
    docker = index([image([], platform="linux/amd64", flavour="docker")])
    assert Index.parse(docker.raw, docker.media_type).media_type == MediaType.DOCKER_INDEX

"""The image builder, seen through the engine's own eyes."""

from __future__ import annotations

from samples.images import artifact, image, index, layer, recompressed
from worker.engine.oci import (
    Digest,
    ImageConfig,
    Index,
    Manifest,
    MediaType,
    Platform,
    layer_commands,
    parse_manifest,
)

BASE = image(
    [layer({"a": b"1"})],
    history=["ADD a /", {"created_by": "ENV A=1", "empty_layer": True}],
    run={"Env": ["A=1"], "Cmd": ["sh"], "Labels": {"x": "y"}},
    platform="linux/arm/v7",
)


def test_a_child_has_its_base_in_it() -> None:
    child = image(
        [layer({"b": b"2"})], base=BASE, history=["COPY b /"], run={"Cmd": ["b"]}, platform="linux/arm/v7"
    )
    assert child.diff_ids[:1] == BASE.diff_ids
    assert child.config.diff_ids == child.diff_ids
    assert layer_commands(child.config) == ("ADD a /", "COPY b /")
    assert child.config.env == ("A=1",)
    assert child.config.cmd == ("b",)
    assert child.config.platform == Platform("linux", "arm", "v7")


def test_the_manifest_describes_the_blobs() -> None:
    manifest = Manifest.parse(BASE.raw, BASE.media_type)
    described = [manifest.config, *manifest.layers]
    assert [(part.digest, part.size) for part in described] == [
        (Digest.of(blob), len(blob)) for blob in BASE.blobs
    ]
    assert ImageConfig.parse(BASE.blobs[0]).digest == BASE.config_digest


def test_dockers_types() -> None:
    docker = image([layer({"a": b"1"}, flavour="docker")], flavour="docker")
    manifest = Manifest.parse(docker.raw)
    assert (manifest.media_type, manifest.config.media_type) == (
        MediaType.DOCKER_MANIFEST,
        MediaType.DOCKER_CONFIG,
    )


def test_a_twin_is_the_same_chain_in_another_form() -> None:
    twin = recompressed(BASE, "zstd")
    assert twin.config_raw == BASE.config_raw
    assert twin.digest != BASE.digest
    assert twin.diff_ids == BASE.diff_ids


def test_broken_on_purpose() -> None:
    wrong = f"sha256:{'0' * 64}"
    assert str(image([layer({"a": b"1"})], diff_ids=[wrong]).config.diff_ids[0]) == wrong


def test_an_index_with_attestations() -> None:
    made = index([BASE, image([], platform="linux/amd64")], attestations=True)
    parsed = parse_manifest(made.raw, made.media_type)
    assert isinstance(parsed, Index)
    assert [str(platform) for platform in parsed.platforms] == ["linux/arm/v7", "linux/amd64"]
    assert {member.digest for member in made.manifests} == {entry.digest for entry in parsed.manifests}


def test_an_artifact_is_complete_but_no_image() -> None:
    chart = artifact(
        "application/vnd.cncf.helm.config.v1+json", "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
    )
    assert len(chart.blobs) == 2
    assert chart.digest == Digest.of(chart.raw)

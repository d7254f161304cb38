"""Manifests, and what is refused in their place."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samples.images import artifact, image, index, layer
from worker.engine.errors import ContentError, InvalidManifest, NotAnImage, UnsupportedMediaType
from worker.engine.oci import Compression, Digest, Index, Manifest, MediaType, is_foreign, parse_manifest

LAYER = layer({"etc/motd": b"hello"})
IMAGE = image([LAYER, layer({"b": b""}, compression="zstd"), layer({"c": b""}, compression="none")])


def changed(**fields: Any) -> bytes:
    """The sample's manifest with other fields; None removes one."""
    body = {**json.loads(IMAGE.raw), **fields}
    return json.dumps({name: value for name, value in body.items() if value is not None}).encode()


def test_reads_an_oci_manifest() -> None:
    manifest = Manifest.parse(IMAGE.raw, IMAGE.media_type)
    assert manifest.media_type == MediaType.OCI_MANIFEST
    assert manifest.digest == IMAGE.digest
    assert manifest.config.digest == IMAGE.config_digest
    assert [part.digest for part in manifest.layers] == [part.digest for part in IMAGE.layers]
    assert [part.compression for part in manifest.layers] == [
        Compression.GZIP,
        Compression.ZSTD,
        Compression.NONE,
    ]
    assert manifest.compressed_size == sum(part.size for part in IMAGE.layers)


def test_reads_a_docker_manifest() -> None:
    docker = image([layer({"a": b""}, flavour="docker")], flavour="docker", annotations={"a": "b"})
    manifest = Manifest.parse(docker.raw, docker.media_type)
    assert manifest.media_type == MediaType.DOCKER_MANIFEST
    assert manifest.layers[0].compression is Compression.GZIP
    assert manifest.annotations == {"a": "b"}


@pytest.mark.parametrize(
    "content_type", ["", "application/json", "application/vnd.oci.image.manifest.v1+json; a=b"]
)
def test_the_header_may_be_missing_or_vague(content_type: str) -> None:
    assert Manifest.parse(IMAGE.raw, content_type).media_type == MediaType.OCI_MANIFEST


def test_the_media_type_may_stand_in_the_header_alone() -> None:
    """OCI's mediaType field is optional (manifest.md)."""
    raw = changed(mediaType=None)
    assert Manifest.parse(raw, MediaType.DOCKER_MANIFEST).media_type == MediaType.DOCKER_MANIFEST
    assert Manifest.parse(raw, "").media_type == MediaType.OCI_MANIFEST


@pytest.mark.parametrize(
    ("raw", "content_type"),
    [
        (b"", ""),
        (b"<html>", ""),
        (b"[]", ""),
        (b"[" * 100_000, ""),
        (b"\xff", ""),
        (changed(schemaVersion=3), ""),
        (changed(schemaVersion=None), ""),
        (changed(config=None), ""),
        (changed(config=[]), ""),
        (changed(layers={}), ""),
        (changed(layers=["x"]), ""),
        (changed(layers=[{"mediaType": MediaType.OCI_LAYER, "digest": "sha256:x", "size": 1}]), ""),
        (changed(layers=[{"mediaType": MediaType.OCI_LAYER, "digest": str(LAYER.digest), "size": -1}]), ""),
        (changed(layers=[{"mediaType": MediaType.OCI_LAYER, "digest": str(LAYER.digest), "size": True}]), ""),
        (changed(layers=[{"mediaType": MediaType.OCI_LAYER, "digest": str(LAYER.digest), "size": 1.5}]), ""),
        (
            changed(
                layers=[{"mediaType": MediaType.OCI_LAYER, "digest": str(LAYER.digest), "size": 1 << 64}]
            ),
            "",
        ),
        (changed(layers=[{"digest": str(LAYER.digest), "size": 1}]), ""),
        (changed(annotations={"a": 1}), ""),
        (changed(manifests=[]), ""),
        (changed(mediaType=MediaType.OCI_INDEX), ""),
        (changed(), MediaType.OCI_INDEX),
        (changed(mediaType=7), ""),
        (changed(layers=[json.loads(IMAGE.raw)["layers"][0]] * 3000), ""),
    ],
)
def test_refuses_malformed_and_contradictory_ones(raw: bytes, content_type: str) -> None:
    with pytest.raises(InvalidManifest):
        Manifest.parse(raw, content_type)


@pytest.mark.parametrize("parse", [Manifest.parse, Index.parse, parse_manifest])
@pytest.mark.parametrize(
    ("raw", "content_type"),
    [
        (b'{"schemaVersion": 1}', ""),
        (b"whatever", MediaType.DOCKER_SCHEMA1_SIGNED),
        (changed(mediaType="application/vnd.example"), ""),
    ],
)
def test_refuses_other_formats(parse: Any, raw: bytes, content_type: str) -> None:
    with pytest.raises(UnsupportedMediaType):
        parse(raw, content_type)


@pytest.mark.parametrize(
    ("made", "name"),
    [
        (artifact("application/vnd.cncf.helm.config.v1+json"), "a Helm chart"),
        (
            artifact(MediaType.OCI_CONFIG, "application/vnd.dev.cosign.simplesigning.v1+json"),
            "a Cosign signature",
        ),
        (artifact(MediaType.DOCKER_CONFIG, "application/vnd.ollama.image.model"), "an Ollama model"),
        (artifact("application/vnd.oci.empty.v1+json", artifact_type="application/spdx+json"), "SPDX"),
        (artifact("application/vnd.oci.empty.v1+json"), "an artifact of no stated type"),
        (artifact("application/vnd.acme.rocket"), "application/vnd.acme.rocket"),
    ],
)
def test_says_what_it_is_that_is_no_image(made: Any, name: str) -> None:
    with pytest.raises(NotAnImage, match=name):
        Manifest.parse(made.raw, made.media_type)


def test_an_image_may_have_no_layers() -> None:
    assert Manifest.parse(image([]).raw).layers == ()


def test_encrypted_layers_make_an_image_that_cannot_be_read() -> None:
    descriptor = {
        "mediaType": MediaType.OCI_LAYER_GZIP + "+encrypted",
        "digest": str(LAYER.digest),
        "size": 1,
    }
    manifest = Manifest.parse(changed(layers=[descriptor]))
    with pytest.raises(UnsupportedMediaType, match="encrypted"):
        _ = manifest.layers[0].compression


def test_foreign_layers_are_layers() -> None:
    assert Compression.of(MediaType.DOCKER_FOREIGN_LAYER_GZIP) is Compression.GZIP
    assert Compression.of(MediaType.OCI_FOREIGN_LAYER_ZSTD) is Compression.ZSTD
    assert is_foreign(MediaType.OCI_FOREIGN_LAYER)
    assert not is_foreign(MediaType.OCI_LAYER)
    with pytest.raises(UnsupportedMediaType):
        Compression.of("text/plain")


def test_parse_manifest_tells_the_kinds_apart() -> None:
    assert isinstance(parse_manifest(IMAGE.raw), Manifest)
    assert isinstance(parse_manifest(index([IMAGE]).raw), Index)


def test_each_parser_refuses_the_other_kind() -> None:
    with pytest.raises(InvalidManifest):
        Index.parse(IMAGE.raw)
    with pytest.raises(InvalidManifest):
        Manifest.parse(index([IMAGE]).raw)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.sampled_from(
            ["schemaVersion", "mediaType", "config", "layers", "manifests", "annotations", "artifactType"]
        ),
        _json | st.just(2),
    ),
    st.sampled_from(["", MediaType.OCI_MANIFEST, MediaType.OCI_INDEX]),
)
def test_any_json_is_a_manifest_or_an_error_of_ours(body: dict[str, Any], content_type: str) -> None:
    raw = json.dumps({"schemaVersion": 2, **body}).encode()
    with contextlib.suppress(ContentError):
        assert parse_manifest(raw, content_type).raw == raw


def test_the_digest_is_of_the_bytes_not_of_their_meaning() -> None:
    spaced = json.dumps(json.loads(IMAGE.raw), indent=3).encode()
    assert Manifest.parse(spaced).digest == Digest.of(spaced) != IMAGE.digest


def test_sizes_that_cannot_be_are_refused() -> None:
    """Nobody checks the size of a layer that is here already, and no database sums numbers beyond 63 bits."""
    layers = json.loads(IMAGE.raw)["layers"]
    layers[0]["size"] = layers[1]["size"] = 1 << 62
    with pytest.raises(InvalidManifest, match="cannot be"):
        Manifest.parse(changed(layers=layers), IMAGE.media_type)
